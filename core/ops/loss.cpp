#include "core/ops/loss.h"

#include <cmath>

#include "core/backend.h"
#include "core/ops/checks.h"

namespace hush {

std::string SoftmaxCrossEntropy::options_text() const {
  return fmt::format("smoothing {}", smoothing_);
}

Shape SoftmaxCrossEntropy::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 2);
  check_rank(name(), "logits", inputs[0], 2);
  require(inputs[1] == Shape{inputs[0][0]}, "softmax_cross_entropy: labels {} do not fit logits {}",
          inputs[1].text(), inputs[0].text());
  return {};
}

Tensor SoftmaxCrossEntropy::forward(const PassContext& context, std::span<const Tensor> inputs,
                                    std::vector<Tensor>& saved) const {
  const Tensor& logits = inputs[0];
  Tensor loss = output_like(*this, inputs);
  const Tensor probabilities = Tensor::empty(logits.shape(), logits.dtype(), logits.device());
  backend(logits.device())
      .softmax_cross_entropy(logits, inputs[1], smoothing_, probabilities, loss);
  if (context.training) saved = {probabilities};
  return loss;
}

std::vector<Tensor> SoftmaxCrossEntropy::backward(const PassContext&,
                                                  const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {{}, {}};
  const Tensor& probabilities = arguments.saved[0];
  Tensor d_logits =
      Tensor::empty(probabilities.shape(), probabilities.dtype(), probabilities.device());
  backend(d_logits.device())
      .softmax_cross_entropy_backward(probabilities, arguments.inputs[1], smoothing_,
                                      arguments.grad_output, d_logits);
  return {d_logits, {}};
}

Distillation::Distillation(float temperature, float weight)
    : temperature_(temperature), weight_(weight) {
  require(temperature > 0 && std::isfinite(temperature) && std::isfinite(weight),
          "distillation: temperature {}, weight {}", temperature, weight);
}

std::string Distillation::options_text() const {
  return fmt::format("temperature {} weight {}", temperature_, weight_);
}

Shape Distillation::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 2);
  check_rank(name(), "logits", inputs[0], 2);
  check_shape(name(), "the teacher's logits", inputs[1], inputs[0]);
  return {};
}

Tensor Distillation::forward(const PassContext& context, std::span<const Tensor> inputs,
                             std::vector<Tensor>& saved) const {
  Tensor loss = output_like(*this, inputs);
  const Tensor gradient = Tensor::empty(inputs[0].shape(), DType::float32, loss.device());
  backend(loss.device()).distillation(temperature_, weight_, inputs[0], inputs[1], gradient, loss);
  if (context.training) saved = {gradient};
  return loss;
}

std::vector<Tensor> Distillation::backward(const PassContext&,
                                           const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {{}, {}};
  const Tensor& gradient = arguments.saved[0];
  const Tensor d_student = Tensor::empty(gradient.shape(), gradient.dtype(), gradient.device());
  const Shape column{gradient.elements(), 1};  // one scale for all
  backend(gradient.device())
      .scale_shift(gradient.reshaped(column), arguments.grad_output.reshaped({1}), {},
                   d_student.reshaped(column));
  return {d_student, {}};
}

}  // namespace hush
