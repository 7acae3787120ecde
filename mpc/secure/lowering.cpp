#include "mpc/secure/lowering.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/gated_activation.h"
#include "core/ops/pool.h"
#include "core/passes.h"
#include "mpc/secure/activation_step.h"
#include "mpc/secure/gates.h"
#include "mpc/secure/linear_steps.h"
#include "mpc/secure/nonlinear_steps.h"

namespace hush::mpc {
namespace {

class Lowering {
 public:
  Lowering(const Graph& graph, const SecureOptions& options)
      : graph_(graph), options_(options), shapes_(graph.shapes()) {}

  LoweredGraph run() {
    values_of_nodes_.assign(std::size_t(graph_.size()), -1);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].kind == NodeKind::input) {
        require(result_.input < 0, "secure inference: the network has more than one input");
        result_.input = add_value({shapes_[std::size_t(id)], options_.fraction_bits});
        values_of_nodes_[std::size_t(id)] = result_.input;
      } else if (graph_[id].kind == NodeKind::op) {
        values_of_nodes_[std::size_t(id)] = lower_op(id);
      }
    }
    require(graph_.output() >= 0 && value_of(graph_.output()) >= 0,
            "secure inference: the network has no output");
    result_.output = value_of(graph_.output());
    return std::move(result_);
  }

 private:
  int value_of(NodeId node) const { return values_of_nodes_[std::size_t(node)]; }
  const ValueInfo& info(int value) const { return result_.values[std::size_t(value)]; }
  int add_value(const ValueInfo& value) {
    result_.values.push_back(value);
    return int(result_.values.size()) - 1;
  }
  void add_step(std::unique_ptr<const Step> step) { result_.steps.push_back(std::move(step)); }

  int lower_op(NodeId id) {
    const Node& node = graph_[id];
    const Op& op = *node.op;
    if (const auto* conv = dynamic_cast<const Conv2d*>(&op)) return lower_convolution(node, *conv);
    if (const auto* linear = dynamic_cast<const Linear*>(&op))
      return add_product(node.name, std::make_shared<Linear>(false), value_of(node.inputs[0]),
                         {leaf(node, 1), linear->bias() ? leaf(node, 2) : Tensor()}, -1);
    if (const auto* norm = dynamic_cast<const BatchNorm*>(&op))
      return lower_batch_norm(node, *norm);
    if (dynamic_cast<const GatedActivation*>(&op) != nullptr)
      return add_activation(node.name, value_of(node.inputs[0]), leaf(node, 1), leaf(node, 2));
    if (const auto* map = dynamic_cast<const Map*>(&op)) return lower_map(node, *map);
    if (dynamic_cast<const Add*>(&op) != nullptr)
      return add_sum(node.name, value_of(node.inputs[0]), value_of(node.inputs[1]));
    if (const auto* pool = dynamic_cast<const Pool*>(&op);
        pool != nullptr && pool->options().kind == PoolKind::max)
      return add_max_pool(node.name, *pool, value_of(node.inputs[0]));
    if (op.algebra() == Algebra::linear && node.inputs.size() == 1)
      return add_linear(node.name, node.op, value_of(node.inputs[0]));
    if (op.algebra() == Algebra::bilinear && node.inputs.size() == 2) return lower_bilinear(node);
    refuse(node);
  }

  [[noreturn]] static void refuse(const Node& node) {
    throw ArgumentError(fmt::format("secure inference: {} ({}) has no secure protocol", node.name,
                                    node.op->name()));
  }

  Tensor leaf(const Node& node, std::size_t input) const {
    const Node& source = graph_[node.inputs.at(input)];
    require(source.value.defined() && source.value.dtype() == DType::float32,
            "secure inference: input {} of {} is not a float32 parameter or buffer", input,
            node.name);
    return source.value.to(Device{});
  }

  bool from_product(int value) const {
    return std::ranges::any_of(result_.products,
                               [&](const ProductStep* step) { return step->output() == value; });
  }

  // --- bilinear -------------------------------------------------------------------------------
  int lower_convolution(const Node& node, const Conv2d& conv) {
    const Conv2d::Extras& extras = conv.extras();
    ConvOptions options = conv.options();
    const PlainWeights weights{leaf(node, 1), extras.bias ? leaf(node, 2) : Tensor()};
    int x = value_of(node.inputs[0]);
    const Shape& w = weights.weight.shape();
    if (w[0] == 1 && w[1] == 1 && options.stride > 1 && options.padding == 0) {
      // What a strided kernel of one pixel skips need not be opened.
      const auto subsample =
          std::make_shared<SubsamplePad>(options.stride, 0, int(info(x).shape[-1]));
      x = add_linear(node.name + ".subsample", subsample, x);
      options.stride = 1;
    }
    const int residual = extras.residual ? value_of(node.inputs[extras.bias ? 3 : 2]) : -1;
    const auto op = std::make_shared<Conv2d>(options);
    // A shortcut's convolution must not wait for the main one: it opens with the block's first.
    const bool two_products = residual >= 0 && from_product(residual);
    int sum = add_product(node.name, op, x, weights, two_products ? -1 : residual);
    if (two_products) sum = add_sum(node.name + ".sum", sum, residual);
    return extras.relu ? add_activation(node.name + ".relu", sum, {}, {}) : sum;
  }

  // One that could not be folded: a convolution of every channel with itself alone.
  int lower_batch_norm(const Node& node, const BatchNorm& norm) {
    const int x = value_of(node.inputs[0]);
    require(info(x).shape.rank() == 4, "secure inference: {} normalises {}, not images", node.name,
            info(x).shape.text());
    const auto channels = int(info(x).shape[-1]);
    const auto op = std::make_shared<Conv2d>(ConvOptions{1, 0, channels});
    const Tensor gamma = leaf(node, 1), beta = leaf(node, 2), mean = leaf(node, 3),
                 variance = leaf(node, 4);
    const PlainWeights weights{Tensor::empty({1, 1, 1, channels}, DType::float32),
                               Tensor::empty({channels}, DType::float32)};
    for (std::size_t c = 0; c < std::size_t(channels); ++c) {
      const float scale = gamma.values<float>()[c] /
                          std::sqrt(variance.values<float>()[c] + norm.options().epsilon);
      weights.weight.values<float>()[c] = scale;
      weights.bias.values<float>()[c] = beta.values<float>()[c] - mean.values<float>()[c] * scale;
    }
    const int residual = norm.residual() ? value_of(node.inputs[5]) : -1;
    const int sum = add_product(node.name, op, x, weights, residual);
    return norm.options().relu ? add_activation(node.name + ".relu", sum, {}, {}) : sum;
  }

  int lower_bilinear(const Node& node) {
    const int a = value_of(node.inputs[0]), b = value_of(node.inputs[1]);
    if (a < 0) refuse(node);
    if (b < 0) return add_product(node.name, node.op, a, {leaf(node, 1), {}}, -1);
    return add_multiply(node.name, node.op, a, b);
  }

  int add_multiply(const std::string& name, std::shared_ptr<const Op> op, int a, int b) {
    if (info(a).scale + info(b).scale > options_.most_scale()) {
      a = truncated(a);
      b = truncated(b);
    }
    const ValueInfo x = info(a), y = info(b);
    const Shape operands[] = {x.shape, y.shape};
    const int z = add_value({op->output_shape(operands), x.scale + y.scale, x.factor * y.factor});
    add_step(std::make_unique<MultiplyStep>(name, std::vector<int>{a, b}, z, std::move(op), x.shape,
                                            y.shape));
    return z;
  }

  int add_product(const std::string& name, const std::shared_ptr<const Op>& op, int x,
                  PlainWeights weights, int residual) {
    const Shape w = weights.weight.shape();
    const auto bits = int(KeptWeights::scale_bits(*op, info(x).shape, w));
    if (options_.most_scale() - bits - info(x).scale < options_.least_weight_bits) x = truncated(x);
    const ValueInfo input = info(x);
    weights.factor = input.factor;
    weights.weight_scale =
        std::min(options_.most_weight_bits, options_.most_scale() - bits - input.scale);
    if (residual >= 0)
      weights.weight_scale =
          std::max(weights.weight_scale, plain(name, residual).scale - bits - input.scale);
    weights.bias_scale = input.scale + weights.weight_scale + bits;
    ProductOptions options;
    options.op = op;
    options.x = input.shape;
    options.w = w;
    options.mode = options_.weights;
    options.mask = options_.first_mask + result_.products.size();
    options.bias = weights.bias.defined();
    options.scale_bits = unsigned(bits);
    std::vector<int> inputs = {x};
    if (residual >= 0) {
      inputs.push_back(residual);
      options.residual_shift = unsigned(weights.bias_scale - info(residual).scale);
    }
    const Shape operands[] = {input.shape, w};
    const int z = add_value({op->output_shape(operands), weights.bias_scale});
    auto step = std::make_unique<ProductStep>(name, std::move(inputs), z, std::move(options));
    result_.products.push_back(step.get());
    result_.weights.push_back(std::move(weights));
    add_step(std::move(step));
    return z;
  }

  // --- linear ---------------------------------------------------------------------------------
  int add_linear(const std::string& name, std::shared_ptr<const Op> op, int x) {
    ValueInfo value = info(x);
    if (const auto* pool = dynamic_cast<const Pool*>(op.get())) {
      // The ring only sums; the division by the largest power of two becomes part of the scale,
      // what is left of it, below 2, of the weights to come: they keep their bits.
      const int kernel = pool->options().kernel;
      const auto area =
          std::uint64_t(kernel == 0 ? value.shape[1] * value.shape[2] : kernel * kernel);
      const int halvings = std::bit_width(area) - 1;
      if (value.scale + halvings > options_.most_scale()) value = info(x = truncated(x));
      value.scale += halvings;
      value.factor *= std::ldexp(1.0, halvings) / double(area);
    }
    const Shape input = value.shape;
    const Shape operands[] = {input};
    value.shape = op->output_shape(operands);
    const int y = add_value(value);
    add_step(std::make_unique<LinearStep>(name, x, y, std::move(op), input));
    return y;
  }

  int add_sum(const std::string& name, int a, int b) {
    const ValueInfo &x = plain(name, a), &y = plain(name, b);
    const int scale = std::max(x.scale, y.scale);
    const std::vector<unsigned> shifts = {unsigned(scale - x.scale), unsigned(scale - y.scale)};
    const Shape shape = x.shape;
    const int sum = add_value({shape, scale});
    add_step(std::make_unique<SumStep>(name, std::vector<int>{a, b}, sum, shifts, shape));
    return sum;
  }

  // A value whose division cannot be left to weights.
  const ValueInfo& plain(const std::string& name, int value) const {
    require(info(value).factor == 1,
            "secure inference: {} follows an average over a number of pixels that is no power of "
            "two; only a layer with weights may",
            name);
    return info(value);
  }

  // --- nonlinear ------------------------------------------------------------------------------
  int lower_map(const Node& node, const Map& map) {
    const int x = value_of(node.inputs[0]);
    if (map.function() == Unary::relu) return add_activation(node.name, x, {}, {});
    if (map.function() == Unary::negate) return add_linear(node.name, node.op, x);
    const auto multiply = std::make_shared<Multiply>();
    if (map.function() == Unary::square) return add_multiply(node.name, multiply, x, x);
    if (map.function() == Unary::sigmoid) return add_sigmoid(node.name, x);
    // SiLU: x times its sigmoid.
    const int narrow = truncated(x);
    return add_multiply(node.name, multiply, narrow, add_sigmoid(node.name + ".sigmoid", narrow));
  }

  // What compares values of that scale; `more` bits for sums of several.
  ReluOptions comparison(int scale, int more) const {
    const int width = std::min(64, scale + options_.range_bits + 1 + more);
    return {options_.relu, unsigned(width), 0};
  }

  int add_sigmoid(const std::string& name, int x) {
    constexpr int kMostBits = 16;  // that sigmoid.h takes
    const ValueInfo& wide = plain(name, x);
    require(options_.fraction_bits >= 8 && options_.fraction_bits <= kMostBits,
            "secure inference: a sigmoid takes 8 to 16 fraction bits, not {}",
            options_.fraction_bits);
    x = wide.scale < options_.fraction_bits
            ? lifted(name, x, unsigned(options_.fraction_bits - wide.scale))
            : truncated(x);
    const ValueInfo input = info(x);
    const int y = add_value({input.shape, input.scale});
    add_step(std::make_unique<SigmoidStep>(name, x, y, comparison(input.scale, 1), input.scale,
                                           input.shape));
    return y;
  }

  int add_max_pool(const std::string& name, const Pool& pool, int x) {
    const ValueInfo input = info(x);
    const Shape operands[] = {input.shape};
    const Shape output = pool.output_shape(operands);
    const int y = add_value({output, input.scale, input.factor});
    add_step(std::make_unique<MaxPoolStep>(name, x, y, pool.options(), comparison(input.scale, 1),
                                           input.shape, output));
    return y;
  }

  // Without gate and coefficients every element is a ReLU.
  int add_activation(const std::string& name, int z, const Tensor& gate,
                     const Tensor& coefficients) {
    const GatedElements elements = gate.defined()
                                       ? read_gates(name, gate, coefficients, options_)
                                       : all_relus(plain(name, z).shape.elements(), options_);
    const int shift = plain(name, z).scale - elements.fraction_bits;
    if (shift < 1) z = lifted(name, z, unsigned(1 - shift));
    const ValueInfo input = info(z);
    ActivationOptions options;
    options.x = input.shape;
    options.relu.method = options_.relu;
    options.relu.shift = unsigned(input.scale - elements.fraction_bits);
    options.relu.width = unsigned(elements.fraction_bits + options_.range_bits + 1);
    options.relus = elements.relus;
    options.c2 = elements.c2;
    options.c1 = elements.c1;
    options.c0 = elements.c0;
    options.relu_lift = unsigned(elements.scale - elements.fraction_bits);
    const int y = add_value({input.shape, elements.scale});
    add_step(std::make_unique<ActivationStep>(name, z, y, std::move(options)));
    return y;
  }

  int lifted(const std::string& name, int x, unsigned bits) {
    const ValueInfo input = info(x);
    const int y = add_value({input.shape, input.scale + int(bits)});
    add_step(std::make_unique<SumStep>(name + ".lift", std::vector<int>{x}, y,
                                       std::vector<unsigned>{bits}, input.shape));
    return y;
  }

  // x with the fraction bits of an activation.
  int truncated(int x) {
    const ValueInfo input = info(x);
    const int shift = input.scale - options_.fraction_bits;
    if (shift < 1) return x;
    const auto [known, fresh] = truncations_.try_emplace(x, -1);
    if (!fresh) return known->second;
    const int y = add_value({input.shape, options_.fraction_bits, input.factor});
    add_step(std::make_unique<TruncationStep>(fmt::format("truncation {}", truncations_.size()), x,
                                              y, unsigned(shift), input.shape));
    return known->second = y;
  }

  const Graph& graph_;
  const SecureOptions& options_;
  std::vector<Shape> shapes_;
  std::vector<int> values_of_nodes_;
  std::map<int, int> truncations_;
  LoweredGraph result_;
};

}  // namespace

LoweredGraph lower(const Graph& graph, const SecureOptions& options) {
  options.check();
  const Graph folded = fold_for_inference(graph);
  return Lowering(folded, options).run();
}

}  // namespace hush::mpc
