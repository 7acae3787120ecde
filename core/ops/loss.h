// Training losses.
#pragma once

#include "core/op.h"

namespace hush {

// The mean cross entropy of softmax(logits [N, C]) with labels [N] (int32), target smoothed to
// (1 - s) one-hot + s / C. A scalar.
class SoftmaxCrossEntropy final : public Op {
 public:
  explicit SoftmaxCrossEntropy(float smoothing = 0) : smoothing_(smoothing) {}

  std::string_view name() const override { return "softmax_cross_entropy"; }
  Algebra algebra() const override { return Algebra::nonlinear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {.inputs = 0b10}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  float smoothing_;
};

// The mean over rows of weight · KL(softmax(t / T) || softmax(s / T)) for logits s [N, C] of a
// student and t [N, C] of its teacher, T the temperature: knowledge distillation (Hinton, Vinyals,
// Dean, arXiv 1503.02531; weight T² keeps the gradient's size). A scalar. Differentiable in s only.
class Distillation final : public Op {
 public:
  // Throws ArgumentError unless the temperature is above 0.
  Distillation(float temperature, float weight);

  std::string_view name() const override { return "distillation"; }
  Algebra algebra() const override { return Algebra::nonlinear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  float temperature_, weight_;
};

}  // namespace hush
