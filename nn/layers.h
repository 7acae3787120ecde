// Layers: what a network description calls to add ops with their parameters to a graph.
//
// A layer is no object. It is a scope name ("layer1.0.conv1") under which its parameters stand
// in a checkpoint, and the nodes that it adds. Weights are on the host; Graph::copied_to moves
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/graph.h"
#include "core/kernel_options.h"
#include "core/ops/dropout.h"

namespace hush::nn {

// A convolution layer; the number of input channels is that of its input.
struct ConvLayer {
  int channels = 0;  // of the output
  int kernel = 3;
  int stride = 1;
  int groups = 1;
  bool bias = false;
};

// Adds layers to a graph that it owns, and follows the shapes for one image.
class NetworkBuilder {
 public:
  // `image` is [1, H, W, C], the shape of the input named "images"; parameters draw their first
  // values from `seed`.
  NetworkBuilder(const Shape& image, std::uint64_t seed);

  NodeId images() const { return 0; }
  // The shape of a node's value for one image.
  const Shape& shape(NodeId node) const { return shapes_.at(std::size_t(node)); }
  std::int64_t channels(NodeId node) const { return shape(node)[-1]; }

  // Zero padding (kernel - 1) / 2, so that stride 1 keeps the extents. Parameters: SCOPE.weight
  // [KH, KW, C / groups, K] and SCOPE.bias [K].
  NodeId convolution(const std::string& scope, NodeId x, const ConvLayer& layer);
  // SCOPE.weight, SCOPE.bias, SCOPE.running_mean, SCOPE.running_var, all [C].
  NodeId batch_norm(const std::string& scope, NodeId x, const BatchNormOptions& options = {});
  NodeId relu(const std::string& scope, NodeId x);
  // Any scalar function.
  NodeId map(const std::string& scope, NodeId x, Unary f);
  NodeId add(const std::string& scope, NodeId a, NodeId b);
  // [N, H, W, C] to [N, C]: the mean over each image.
  NodeId global_average_pool(const std::string& scope, NodeId x);
  NodeId pool(const std::string& scope, NodeId x, const PoolOptions& options);
  // Every stride-th pixel, zero channels on both sides up to `channels`.
  NodeId subsample_pad(const std::string& scope, NodeId x, int stride, int channels);
  // x [N, in] to [N, out]. SCOPE.weight [in, out], SCOPE.bias [out].
  NodeId linear(const std::string& scope, NodeId x, int out);
  // x times a gate per channel that is computed from the means of x: SCOPE.fc1 to `squeezed`
  // channels, `inner`, SCOPE.fc2 back, sigmoid. Both are 1×1 convolutions with bias.
  NodeId squeeze_excitation(const std::string& scope, NodeId x, int squeezed, Unary inner);
  // Noise in training; the network's dropouts draw from streams of their own. Nothing at rate 0.
  NodeId dropout(const std::string& scope, NodeId x, Dropout::Unit unit, float rate);
  // Any other op.
  NodeId op(const std::string& scope, std::shared_ptr<const Op> op, std::vector<NodeId> inputs);

  // The finished graph, with `output` as its output.
  Graph finish(NodeId output) &&;

 private:
  NodeId parameter(std::string name, Tensor value);
  NodeId buffer(std::string name, Tensor value);

  Graph graph_;
  std::uint64_t seed_;
  std::vector<Shape> shapes_;
  std::uint32_t dropouts_ = 0;
};

}  // namespace hush::nn
