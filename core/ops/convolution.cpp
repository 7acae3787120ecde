#include "core/ops/convolution.h"

#include "core/ops/checks.h"

namespace hush {
namespace {

Tensor column_sum(const Tensor& dy) {
  Tensor sum = Tensor::empty({dy.shape()[-1]}, dy.dtype(), dy.device());
  backend(dy.device()).column_sum(dy, sum);
  return sum;
}

}  // namespace

std::string Conv2d::options_text() const {
  return fmt::format("stride {} padding {} groups {}{}{}{}", options_.stride, options_.padding,
                     options_.groups, extras_.bias ? " bias" : "",
                     extras_.residual ? " residual" : "", extras_.relu ? " relu" : "");
}

Shape Conv2d::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 2 + std::size_t(extras_.bias) + std::size_t(extras_.residual));
  const Shape &x = inputs[0], &w = inputs[1];
  check_rank(name(), "input", x, 4);
  check_rank(name(), "weight", w, 4);
  require(options_.stride > 0 && options_.padding >= 0 && options_.groups > 0,
          "conv2d: {} is out of range", options_text());
  require(x[3] == w[2] * options_.groups && w[3] % options_.groups == 0,
          "conv2d: weight {} does not fit input {} in {} groups", w.text(), x.text(),
          options_.groups);
  require(w[0] > 0 && w[1] > 0 && w[0] <= x[1] + 2 * options_.padding &&
              w[1] <= x[2] + 2 * options_.padding,
          "conv2d: kernel of weight {} is larger than input {} with padding {}", w.text(), x.text(),
          options_.padding);
  const Shape y{x[0], options_.output(x[1], w[0]), options_.output(x[2], w[1]), w[3]};
  if (extras_.bias) check_shape(name(), "bias", inputs[2], {w[3]});
  if (extras_.residual) check_shape(name(), "residual", inputs[extras_.bias ? 3 : 2], y);
  return y;
}

OpCount Conv2d::count(std::span<const Shape> inputs, std::span<const Tensor>) const {
  const std::int64_t outputs = output_shape(inputs).elements();
  const Shape& w = inputs[1];
  return {.macs = outputs * w[0] * w[1] * w[2], .relus = extras_.relu ? outputs : 0};
}

Tensor Conv2d::forward(const PassContext&, std::span<const Tensor> inputs,
                       std::vector<Tensor>& saved) const {
  Tensor y = output_like(*this, inputs);
  ConvEpilogue epilogue;
  if (extras_.bias) epilogue.bias = inputs[2];
  if (extras_.residual) epilogue.residual = inputs[extras_.bias ? 3 : 2];
  epilogue.relu = extras_.relu;
  if (extras_.fixed_weight) {
    fixed(inputs[0].shape(), inputs[1])->run(inputs[0], epilogue, y);
  } else {
    Backend& device = backend(y.device());
    saved = {device.conv_operand(options_, inputs[0], inputs[1].shape())};
    device.conv2d(options_, saved[0], inputs[1], epilogue, y);
  }
  return y;
}

std::shared_ptr<FixedConvolution> Conv2d::fixed(const Shape& x, const Tensor& w) const {
  const std::lock_guard lock(fixed_->mutex);
  if (fixed_->convolution == nullptr || fixed_->x != x || fixed_->w.raw() != w.raw()) {
    fixed_->convolution = backend(w.device()).fix_weights(options_, x, w);
    fixed_->x = x;
    fixed_->w = w;
  }
  return fixed_->convolution;
}

std::vector<Tensor> Conv2d::backward(const PassContext&, const BackwardArguments& arguments) const {
  require(!extras_.residual && !extras_.relu,
          "conv2d: a convolution with a fused residual or ReLU is for inference; train the graph "
          "before folding");
  require(!extras_.fixed_weight, "conv2d: a convolution with fixed weights is for inference");
  const Tensor& dy = arguments.grad_output;
  Backend& device = backend(dy.device());
  const Tensor operand = device.conv_operand(options_, dy, arguments.input_shapes[1]);
  std::vector<Tensor> gradients(arguments.input_shapes.size());
  if (arguments.wanted[1]) {
    gradients[1] = Tensor::empty(arguments.input_shapes[1], dy.dtype(), dy.device());
    device.conv2d_backward_weight(options_, arguments.saved[0], operand, gradients[1]);
  }
  if (extras_.bias && arguments.wanted[2]) gradients[2] = column_sum(dy);
  if (arguments.wanted[0]) {
    gradients[0] = Tensor::empty(arguments.input_shapes[0], dy.dtype(), dy.device());
    device.conv2d_backward_input(options_, operand, arguments.inputs[1], gradients[0]);
  }
  return gradients;
}

Shape Linear::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 2 + std::size_t(bias_));
  const Shape &x = inputs[0], &w = inputs[1];
  check_rank(name(), "input", x, 2);
  check_rank(name(), "weight", w, 2);
  require(x[1] == w[0], "linear: weight {} does not fit input {}", w.text(), x.text());
  if (bias_) check_shape(name(), "bias", inputs[2], {w[1]});
  return {x[0], w[1]};
}

OpCount Linear::count(std::span<const Shape> inputs, std::span<const Tensor>) const {
  return {.macs = output_shape(inputs).elements() * inputs[1][0]};
}

Tensor Linear::forward(const PassContext&, std::span<const Tensor> inputs,
                       std::vector<Tensor>&) const {
  Tensor y = output_like(*this, inputs);
  Backend& device = backend(y.device());
  device.gemm({}, inputs[0], inputs[1], y);
  if (bias_) device.scale_shift(y, {}, inputs[2], y);
  return y;
}

std::vector<Tensor> Linear::backward(const PassContext&, const BackwardArguments& arguments) const {
  const Tensor& dy = arguments.grad_output;
  Backend& device = backend(dy.device());
  std::vector<Tensor> gradients(arguments.input_shapes.size());
  if (arguments.wanted[0]) {
    gradients[0] = Tensor::empty(arguments.input_shapes[0], dy.dtype(), dy.device());
    device.gemm({.transpose_b = true}, dy, arguments.inputs[1], gradients[0]);
  }
  if (arguments.wanted[1]) {
    gradients[1] = Tensor::empty(arguments.input_shapes[1], dy.dtype(), dy.device());
    device.gemm({.transpose_a = true}, arguments.inputs[0], dy, gradients[1]);
  }
  if (bias_ && arguments.wanted[2]) gradients[2] = column_sum(dy);
  return gradients;
}

}  // namespace hush
