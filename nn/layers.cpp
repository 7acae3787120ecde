#include "nn/layers.h"

#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/pool.h"
#include "core/ops/squeeze.h"
#include "nn/init.h"

namespace hush::nn {

NetworkBuilder::NetworkBuilder(const Shape& image, std::uint64_t seed)
    : seed_(seed), shapes_{image} {
  require(image.rank() == 4 && image[0] == 1 && image[1] > 0 && image[2] > 0 && image[3] > 0,
          "network: images of shape {}; one image is [1, height, width, channels]", image.text());
  graph_.add_input("images", image);
}

NodeId NetworkBuilder::parameter(std::string name, Tensor value) {
  shapes_.push_back(value.shape());
  return graph_.add_parameter(std::move(name), std::move(value));
}

NodeId NetworkBuilder::buffer(std::string name, Tensor value) {
  shapes_.push_back(value.shape());
  return graph_.add_buffer(std::move(name), std::move(value));
}

NodeId NetworkBuilder::op(const std::string& scope, std::shared_ptr<const Op> op,
                          std::vector<NodeId> inputs) {
  std::vector<Shape> arguments;
  arguments.reserve(inputs.size());
  for (const NodeId input : inputs) arguments.push_back(shape(input));
  const Shape result = op->output_shape(arguments);
  const NodeId node = graph_.add(scope, std::move(op), std::move(inputs));
  shapes_.push_back(result);
  return node;
}

NodeId NetworkBuilder::convolution(const std::string& scope, NodeId x, const ConvLayer& layer) {
  const std::int64_t in = channels(x);
  require(layer.channels > 0 && layer.kernel > 0 && layer.stride > 0 && layer.groups > 0 &&
              in % layer.groups == 0 && layer.channels % layer.groups == 0,
          "{}: no convolution from {} to {} channels with kernel {}, stride {}, groups {}", scope,
          in, layer.channels, layer.kernel, layer.stride, layer.groups);
  const Shape weights{layer.kernel, layer.kernel, in / layer.groups, layer.channels};
  const std::string name = scope + ".weight";
  std::vector<NodeId> inputs{x, parameter(name, kaiming_convolution(weights, seed_, name))};
  if (layer.bias) {
    const std::int64_t fan_in = weights[0] * weights[1] * weights[2];
    const std::string bias = scope + ".bias";
    inputs.push_back(parameter(bias, uniform_fan_in({layer.channels}, fan_in, seed_, bias)));
  }
  const ConvOptions options{
      .stride = layer.stride, .padding = (layer.kernel - 1) / 2, .groups = layer.groups};
  return op(scope, std::make_shared<Conv2d>(options, Conv2d::Extras{.bias = layer.bias}),
            std::move(inputs));
}

NodeId NetworkBuilder::batch_norm(const std::string& scope, NodeId x,
                                  const BatchNormOptions& options) {
  const Shape shape{channels(x)};
  std::vector<NodeId> inputs{x, parameter(scope + ".weight", Tensor::full(shape, 1)),
                             parameter(scope + ".bias", Tensor::full(shape, 0)),
                             buffer(scope + ".running_mean", Tensor::full(shape, 0)),
                             buffer(scope + ".running_var", Tensor::full(shape, 1))};
  return op(scope, std::make_shared<BatchNorm>(options), std::move(inputs));
}

NodeId NetworkBuilder::relu(const std::string& scope, NodeId x) {
  return map(scope, x, Unary::relu);
}

NodeId NetworkBuilder::map(const std::string& scope, NodeId x, Unary f) {
  return op(scope, std::make_shared<Map>(f), {x});
}

NodeId NetworkBuilder::add(const std::string& scope, NodeId a, NodeId b) {
  return op(scope, std::make_shared<Add>(), {a, b});
}

NodeId NetworkBuilder::global_average_pool(const std::string& scope, NodeId x) {
  return pool(scope, x, {.kind = PoolKind::average, .kernel = 0, .stride = 1});
}

NodeId NetworkBuilder::pool(const std::string& scope, NodeId x, const PoolOptions& options) {
  return op(scope, std::make_shared<Pool>(options), {x});
}

NodeId NetworkBuilder::subsample_pad(const std::string& scope, NodeId x, int stride, int channels) {
  const int before = (channels - int(shape(x)[-1])) / 2;
  return op(scope, std::make_shared<SubsamplePad>(stride, before, channels), {x});
}

NodeId NetworkBuilder::linear(const std::string& scope, NodeId x, int out) {
  require(shape(x).rank() == 2 && out > 0, "{}: no linear layer from {} to {} values", scope,
          shape(x).text(), out);
  const std::int64_t in = channels(x);
  const std::string weight = scope + ".weight";
  const std::string bias = scope + ".bias";
  std::vector<NodeId> inputs{x, parameter(weight, uniform_fan_in({in, out}, in, seed_, weight)),
                             parameter(bias, uniform_fan_in({out}, in, seed_, bias))};
  return op(scope, std::make_shared<Linear>(true), std::move(inputs));
}

NodeId NetworkBuilder::squeeze_excitation(const std::string& scope, NodeId x, int squeezed,
                                          Unary inner) {
  NodeId gate = global_average_pool(scope + ".avgpool", x);
  gate = op(scope + ".as_pixel", std::make_shared<AsPixel>(), {gate});
  gate = convolution(scope + ".fc1", gate, {.channels = squeezed, .kernel = 1, .bias = true});
  gate = map(scope + ".activation", gate, inner);
  gate =
      convolution(scope + ".fc2", gate, {.channels = int(channels(x)), .kernel = 1, .bias = true});
  gate = map(scope + ".scale_activation", gate, Unary::sigmoid);
  return op(scope, std::make_shared<ChannelMultiply>(), {x, gate});
}

NodeId NetworkBuilder::dropout(const std::string& scope, NodeId x, Dropout::Unit unit, float rate) {
  if (rate == 0) return x;
  return op(scope, std::make_shared<Dropout>(unit, rate, dropouts_++), {x});
}

Graph NetworkBuilder::finish(NodeId output) && {
  graph_.set_output(output);
  return std::move(graph_);
}

}  // namespace hush::nn
