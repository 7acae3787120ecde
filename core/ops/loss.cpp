#include "core/ops/loss.h"

#include <algorithm>
#include <cmath>

#include "core/backend.h"
#include "core/ops/checks.h"

namespace hush {
namespace {

// log softmax(row / temperature).
std::vector<double> log_softmax(std::span<const float> row, double temperature) {
  std::vector<double> result(row.begin(), row.end());
  const double largest = *std::ranges::max_element(result);
  double sum = 0;
  for (double& x : result) {
    x = (x - largest) / temperature;
    sum += std::exp(x);
  }
  for (double& x : result) x -= std::log(sum);
  return result;
}

}  // namespace

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
  const Shape scalar = output_shape(shapes_of(inputs));
  const Shape& shape = inputs[0].shape();
  const Tensor student = inputs[0].to(Device{}), teacher = inputs[1].to(Device{});
  const Tensor gradient = Tensor::empty(shape, DType::float32);
  const auto classes = std::size_t(shape[1]);
  const double temperature = double(temperature_), share = double(weight_) / double(shape[0]);
  double loss = 0;
  for (std::size_t row = 0; row < std::size_t(shape[0]); ++row) {
    const auto log_p =
        log_softmax(student.values<float>().subspan(row * classes, classes), temperature);
    const auto log_q =
        log_softmax(teacher.values<float>().subspan(row * classes, classes), temperature);
    for (std::size_t c = 0; c < classes; ++c) {
      const double q = std::exp(log_q[c]);
      if (q > 0) loss += share * q * (log_q[c] - log_p[c]);
      gradient.values<float>()[row * classes + c] =
          float(share / temperature * (std::exp(log_p[c]) - q));
    }
  }
  if (context.training) saved = {gradient};
  return Tensor::full(scalar, float(loss), inputs[0].device());
}

std::vector<Tensor> Distillation::backward(const PassContext&,
                                           const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {{}, {}};
  const float scale = arguments.grad_output.to(Device{}).values<float>()[0];
  Tensor gradient = arguments.saved[0].clone();
  for (float& g : gradient.values<float>()) g *= scale;
  return {gradient.to(arguments.grad_output.device()), {}};
}

}  // namespace hush
