#include "core/ops/squeeze.h"

#include "core/backend.h"
#include "core/ops/checks.h"

namespace hush {

Shape AsPixel::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 1);
  check_rank(name(), "input", inputs[0], 2);
  return {inputs[0][0], 1, 1, inputs[0][1]};
}

Tensor AsPixel::forward(const PassContext&, std::span<const Tensor> inputs,
                        std::vector<Tensor>&) const {
  return inputs[0].reshaped(output_shape(shapes_of(inputs)));
}

std::vector<Tensor> AsPixel::backward(const PassContext&,
                                      const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {Tensor()};
  return {arguments.grad_output.reshaped(arguments.input_shapes[0])};
}

Shape ChannelMultiply::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 2);
  check_rank(name(), "input", inputs[0], 4);
  check_shape(name(), "gate", inputs[1], {inputs[0][0], 1, 1, inputs[0][3]});
  return inputs[0];
}

namespace {

// The gate as the kernel takes it, [N, C].
Tensor flat(const Tensor& gate) {
  return gate.reshaped({gate.shape()[0], gate.shape()[3]});
}

}  // namespace

Tensor ChannelMultiply::forward(const PassContext&, std::span<const Tensor> inputs,
                                std::vector<Tensor>&) const {
  output_shape(shapes_of(inputs));
  Tensor y = reuse(inputs[0]);
  backend(y.device()).channel_multiply(inputs[0], flat(inputs[1]), y);
  return y;
}

// The gate's gradient is the sum of dy · x over an image's pixels: their average, times how many.
std::vector<Tensor> ChannelMultiply::backward(const PassContext&,
                                              const BackwardArguments& arguments) const {
  const Tensor &x = arguments.inputs[0], &gate = arguments.inputs[1], &dy = arguments.grad_output;
  Backend& device = backend(dy.device());
  std::vector<Tensor> gradients(2);
  if (arguments.wanted[1]) {
    const Tensor product = Tensor::empty(x.shape(), x.dtype(), x.device());
    device.zip(Binary::multiply, dy, x, product);
    const Tensor sum = Tensor::empty({x.shape()[0], x.shape()[3]}, x.dtype(), x.device());
    device.pool({.kind = PoolKind::average, .kernel = 0}, product, sum, {});
    device.axpby(float(x.shape()[1] * x.shape()[2]), sum, 0, sum);
    gradients[1] = sum.reshaped(gate.shape());
  }
  if (arguments.wanted[0]) {
    gradients[0] = reuse(dy);
    device.channel_multiply(dy, flat(gate), gradients[0]);
  }
  return gradients;
}

}  // namespace hush
