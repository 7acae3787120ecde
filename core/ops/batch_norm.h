// Batch normalisation, alone or fused with the sum and ReLU that follow it.
#pragma once

#include "core/kernel_options.h"
#include "core/op.h"

namespace hush {

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta (+ residual) (then ReLU), statistics
// over all axes but the last. Inputs: x [..., C], gamma, beta, running mean, running variance
// [C], then the residual if present. Training uses the batch's statistics and moves the running
// ones (unbiased variance, as PyTorch) in place; otherwise the running ones are used.
class BatchNorm final : public Op {
 public:
  explicit BatchNorm(BatchNormOptions options, bool residual = false)
      : options_(options), residual_(residual) {}
  const BatchNormOptions& options() const { return options_; }
  bool residual() const { return residual_; }

  std::string_view name() const override { return "batch_norm"; }
  // Linear in x once trained; the fused ReLU makes it nonlinear.
  Algebra algebra() const override { return options_.relu ? Algebra::nonlinear : Algebra::linear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {.inputs = 0b11, .output = options_.relu}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  BatchNormOptions options_;
  bool residual_;
};

}  // namespace hush
