#include "core/ops/gated_activation.h"

#include <algorithm>

#include "core/backend.h"
#include "core/ops/checks.h"

namespace hush {

Shape GatedActivation::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 5);
  require(inputs[0].rank() >= 2, "{}: input {} is not a batch of maps", name(), inputs[0].text());
  Shape map;
  for (int axis = 1; axis < inputs[0].rank(); ++axis) map.append(inputs[0][axis]);
  const std::int64_t channels = inputs[0][-1];
  check_shape(name(), "gate", inputs[1], map);
  check_shape(name(), "coefficients", inputs[2], {3, channels});
  check_shape(name(), "running mean", inputs[3], {channels});
  check_shape(name(), "running variance", inputs[4], {channels});
  return inputs[0];
}

OpCount GatedActivation::count(std::span<const Shape>, std::span<const Tensor> leaves) const {
  const Tensor gate = leaves[1].to({});
  return {.relus = std::int64_t(
              std::ranges::count_if(gate.values<float>(), [](float m) { return m != 0; }))};
}

Tensor GatedActivation::forward(const PassContext& context, std::span<const Tensor> inputs,
                                std::vector<Tensor>&) const {
  output_shape(shapes_of(inputs));
  const Tensor& x = inputs[0];
  Backend& device = backend(x.device());
  if (context.training && !fixed_) {
    const Tensor mean = Tensor::empty(inputs[3].shape(), DType::float32, x.device());
    const Tensor variance = Tensor::empty(inputs[4].shape(), DType::float32, x.device());
    device.channel_statistics(x, mean, variance);
    device.axpby(momentum_, mean, 1 - momentum_, inputs[3]);
    device.axpby(momentum_, variance, 1 - momentum_, inputs[4]);
  }
  Tensor y = reuse(x);
  device.gated_activation(x, inputs[1], inputs[2], y);
  return y;
}

std::vector<Tensor> GatedActivation::backward(const PassContext&,
                                              const BackwardArguments& arguments) const {
  const Tensor &x = arguments.inputs[0], &gate = arguments.inputs[1],
               &coefficients = arguments.inputs[2], &dy = arguments.grad_output;
  const Device device = dy.device();
  std::vector<Tensor> gradients(5);
  gradients[0] = reuse(dy);
  gradients[1] = Tensor::empty(gate.shape(), DType::float32, device);
  gradients[2] = Tensor::empty(coefficients.shape(), DType::float32, device);
  backend(device).gated_activation_backward(x, gate, coefficients, dy, gradients[0], gradients[1],
                                            gradients[2]);
  return gradients;
}

}  // namespace hush
