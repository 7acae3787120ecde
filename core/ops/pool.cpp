#include "core/ops/pool.h"

#include "core/backend.h"
#include "core/ops/checks.h"

namespace hush {

std::string_view Pool::name() const {
  return options_.kind == PoolKind::max ? "max_pool" : "average_pool";
}

std::string Pool::options_text() const {
  if (options_.kernel == 0) return "global";
  return fmt::format("kernel {} stride {} padding {}", options_.kernel, options_.stride,
                     options_.padding);
}

Shape Pool::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 1);
  const Shape& x = inputs[0];
  check_rank(name(), "input", x, 4);
  if (options_.kernel == 0) return {x[0], x[3]};
  require(options_.kernel > 0 && options_.stride > 0 && options_.padding >= 0 &&
              2 * options_.padding <= options_.kernel,
          "{}: {} is out of range; padding may be half the kernel at most", name(), options_text());
  const auto extent = [&](std::int64_t size) {
    const std::int64_t slack = size + 2 * options_.padding - options_.kernel;
    require(slack >= 0, "{}: kernel {} is larger than input {} with padding {}", name(),
            options_.kernel, x.text(), options_.padding);
    return slack / options_.stride + 1;
  };
  return {x[0], extent(x[1]), extent(x[2]), x[3]};
}

Tensor Pool::forward(const PassContext& context, std::span<const Tensor> inputs,
                     std::vector<Tensor>& saved) const {
  Tensor y = output_like(*this, inputs);
  Tensor argmax;
  if (context.training && options_.kind == PoolKind::max) {
    argmax = Tensor::empty(y.shape(), DType::int32, y.device());
    saved = {argmax};
  }
  backend(y.device()).pool(options_, inputs[0], y, argmax);
  return y;
}

std::vector<Tensor> Pool::backward(const PassContext&, const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {Tensor()};
  const Tensor& dy = arguments.grad_output;
  Tensor dx = Tensor::empty(arguments.input_shapes[0], dy.dtype(), dy.device());
  const Tensor argmax = options_.kind == PoolKind::max ? arguments.saved[0] : Tensor();
  backend(dy.device()).pool_backward(options_, dy, argmax, dx);
  return {dx};
}

std::string SubsamplePad::options_text() const {
  return fmt::format("stride {} before {} channels {}", stride_, before_, channels_);
}

Shape SubsamplePad::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 1);
  const Shape& x = inputs[0];
  check_rank(name(), "input", x, 4);
  require(stride_ > 0 && before_ >= 0, "subsample_pad: {} is out of range", options_text());
  require(x[3] + before_ <= channels_,
          "subsample_pad: input {} does not fit into {} channels after "
          "{} of padding",
          x.text(), channels_, before_);
  return {x[0], (x[1] + stride_ - 1) / stride_, (x[2] + stride_ - 1) / stride_, channels_};
}

Tensor SubsamplePad::forward(const PassContext&, std::span<const Tensor> inputs,
                             std::vector<Tensor>&) const {
  Tensor y = output_like(*this, inputs);
  backend(y.device()).subsample_pad(stride_, before_, inputs[0], y);
  return y;
}

std::vector<Tensor> SubsamplePad::backward(const PassContext&,
                                           const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {Tensor()};
  const Tensor& dy = arguments.grad_output;
  Tensor dx = Tensor::empty(arguments.input_shapes[0], dy.dtype(), dy.device());
  backend(dy.device()).subsample_pad_backward(stride_, before_, dy, dx);
  return {dx};
}

}  // namespace hush
