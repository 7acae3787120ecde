// Loss, replaced ReLU and optimizers of the CUDA backend.
#include <cmath>
#include <vector>

#include "cuda/arguments.h"
#include "cuda/backend.h"
#include "cuda/kernels/gated_activation.cuh"
#include "cuda/kernels/loss.cuh"
#include "cuda/kernels/optimizer.cuh"

namespace hush::cuda {

void CudaBackend::softmax_cross_entropy(const Tensor& logits, const Tensor& labels, float smoothing,
                                        const Tensor& probabilities, const Tensor& loss) {
  const Arguments check("softmax_cross_entropy", device_);
  check.rank("logits", logits, 2).floats("logits", logits, logits.shape());
  check.tensor("labels", labels, {logits.shape()[0]}, DType::int32);
  check.floats("probabilities", probabilities, logits.shape()).floats("loss", loss, {});
  require(logits.elements() > 0, "softmax_cross_entropy: logits {} are empty",
          logits.shape().text());
  const int rows = check.extent("rows", logits.shape()[0]);
  const int classes = check.extent("classes", logits.shape()[1]);
  cuda::softmax_cross_entropy(
      queue(),
      {logits.device_data<float>(), labels.device_data<std::int32_t>(),
       probabilities.device_data<float>(), nullptr,
       reinterpret_cast<std::int32_t*>(wrong_label_.get()), rows, classes, smoothing},
      loss.device_data<float>());
  labels_unchecked_ = true;
}

void CudaBackend::softmax_cross_entropy_backward(const Tensor& probabilities, const Tensor& labels,
                                                 float smoothing, const Tensor& d_loss,
                                                 const Tensor& d_logits) {
  const Arguments check("softmax_cross_entropy_backward", device_);
  check.rank("probabilities", probabilities, 2);
  check.floats("probabilities", probabilities, probabilities.shape());
  check.tensor("labels", labels, {probabilities.shape()[0]}, DType::int32);
  check.floats("d_loss", d_loss, {}).floats("d_logits", d_logits, probabilities.shape());
  const int n = check.extent("the number of elements", probabilities.elements());
  require(n > 0, "softmax_cross_entropy_backward: probabilities {} are empty",
          probabilities.shape().text());
  for_each_element(
      queue(), n,
      SoftmaxGradientBody{probabilities.device_data<float>(), d_loss.device_data<float>(),
                          labels.device_data<std::int32_t>(), d_logits.device_data<float>(),
                          Divisor(probabilities.shape()[1]), smoothing,
                          float(probabilities.shape()[0])});
}

void CudaBackend::distillation(float temperature, float weight, const Tensor& student,
                               const Tensor& teacher, const Tensor& gradient, const Tensor& loss) {
  const Arguments check("distillation", device_);
  check.rank("student", student, 2).floats("student", student, student.shape());
  check.floats("teacher", teacher, student.shape()).floats("gradient", gradient, student.shape());
  check.floats("loss", loss, {});
  require(student.elements() > 0, "distillation: logits {} are empty", student.shape().text());
  const int rows = check.extent("rows", student.shape()[0]);
  const int classes = check.extent("classes", student.shape()[1]);
  cuda::distillation(
      queue(),
      {student.device_data<float>(), teacher.device_data<float>(), gradient.device_data<float>(),
       nullptr, rows, classes, 1 / double(temperature), double(weight)},
      loss.device_data<float>());
}

namespace {

// What both passes of a gated activation share, checked.
struct GatedShape {
  int images, channels;
  std::int64_t map;
};

GatedShape gated_shape(const Arguments& check, const Tensor& x, const Tensor& gate,
                       const Tensor& coefficients) {
  const std::int64_t channels = check.channels("x", x);
  require(x.shape().rank() >= 2, "gated_activation: x is {}, not a batch of maps", x.text());
  Shape map;
  for (int axis = 1; axis < x.shape().rank(); ++axis) map.append(x.shape()[axis]);
  check.floats("x", x, x.shape()).floats("gate", gate, map);
  check.floats("coefficients", coefficients, {3, channels});
  check.extent("the number of elements", x.elements());
  return {int(x.shape()[0]), int(channels), map.elements()};
}

}  // namespace

void CudaBackend::gated_activation(const Tensor& x, const Tensor& gate, const Tensor& coefficients,
                                   const Tensor& y) {
  const Arguments check("gated_activation", device_);
  const GatedShape s = gated_shape(check, x, gate, coefficients);
  check.floats("y", y, x.shape());
  if (x.elements() == 0) return;
  for_each_element(queue(), x.elements(),
                   GatedBody{x.device_data<float>(), gate.device_data<float>(),
                             coefficients.device_data<float>(), y.device_data<float>(),
                             Divisor(s.map), Divisor(s.channels)});
}

void CudaBackend::gated_activation_backward(const Tensor& x, const Tensor& gate,
                                            const Tensor& coefficients, const Tensor& dy,
                                            const Tensor& dx, const Tensor& d_gate,
                                            const Tensor& d_coefficients) {
  const Arguments check("gated_activation_backward", device_);
  const GatedShape s = gated_shape(check, x, gate, coefficients);
  check.floats("dy", dy, x.shape()).floats("dx", dx, x.shape());
  check.floats("d_gate", d_gate, gate.shape());
  check.floats("d_coefficients", d_coefficients, coefficients.shape());
  if (s.channels == 0) return;
  reduce_columns(
      queue(), s.map / s.channels, s.channels, 1,
      GatedGradientBody{x.device_data<float>(), gate.device_data<float>(),
                        coefficients.device_data<float>(), dy.device_data<float>(),
                        dx.device_data<float>(), d_gate.device_data<float>(),
                        d_coefficients.device_data<float>(), s.images, s.channels, s.map});
}

void CudaBackend::sgd_step(const SgdOptions& options, std::span<const SgdTensors> tensors) {
  const Arguments check("sgd_step", device_);
  std::vector<TensorList<SgdRule::kArrays>::Entry> entries;
  for (const SgdTensors& t : tensors) {
    check.floats("weight", t.weight, t.weight.shape());
    check.floats("gradient", t.gradient, t.weight.shape());
    if (options.momentum != 0) check.floats("momentum", t.momentum, t.weight.shape());
    entries.push_back({{t.weight.device_data<float>(), t.gradient.device_data<float>(),
                        options.momentum != 0 ? t.momentum.device_data<float>() : nullptr},
                       t.weight.elements()});
  }
  optimizer_step(queue(), SgdRule{options}, entries);
}

void CudaBackend::adam_step(const AdamOptions& options, std::span<const AdamTensors> tensors) {
  const Arguments check("adam_step", device_);
  require(options.step >= 1, "adam_step: step {} is counted from 1", options.step);
  std::vector<TensorList<AdamRule::kArrays>::Entry> entries;
  for (const AdamTensors& t : tensors) {
    check.floats("weight", t.weight, t.weight.shape());
    check.floats("gradient", t.gradient, t.weight.shape());
    check.floats("mean", t.mean, t.weight.shape());
    check.floats("variance", t.variance, t.weight.shape());
    entries.push_back({{t.weight.device_data<float>(), t.gradient.device_data<float>(),
                        t.mean.device_data<float>(), t.variance.device_data<float>()},
                       t.weight.elements()});
  }
  const double beta1 = double(options.beta1), beta2 = double(options.beta2);
  const double rate = double(options.learning_rate), decay = double(options.weight_decay);
  const double correction1 = 1 - std::pow(beta1, double(options.step));
  const double correction2 = 1 - std::pow(beta2, double(options.step));
  optimizer_step(
      queue(),
      AdamRule{options.gradient_scale, options.decoupled ? 0.0f : options.weight_decay,
               options.decoupled ? float(1 - rate * decay) : 1.0f, options.beta1, float(1 - beta1),
               options.beta2, float(1 - beta2), float(rate / correction1),
               float(1 / std::sqrt(correction2)), options.epsilon},
      entries);
}

}  // namespace hush::cuda
