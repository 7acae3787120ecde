// Batch normalisation, alone or fused with the sum and ReLU that follow it.
#pragma once

#include "core/kernel_options.h"
#include "core/op.h"

namespace hush {

struct BatchNormForward;

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta (+ residual) (then ReLU), statistics
// over all axes but the last. Inputs: x [..., C], gamma, beta, running mean, running variance
// [C], then the residual if present. Training uses the batch's statistics and moves the running
// ones (unbiased variance, as PyTorch) in place; otherwise the running ones are used. With `fixed`
// training uses the running ones too and leaves them as they are: what is trained is then the very
// function that inference computes. With `ranks` in the pass's context, the batch is that of all
// ranks.
class BatchNorm final : public Op {
 public:
  explicit BatchNorm(BatchNormOptions options, bool residual = false, bool fixed = false)
      : options_(options), residual_(residual), fixed_(fixed) {}
  const BatchNormOptions& options() const { return options_; }
  bool residual() const { return residual_; }
  bool fixed() const { return fixed_; }

  std::string_view name() const override { return "batch_norm"; }
  // Linear in x once trained; the fused ReLU makes it nonlinear.
  Algebra algebra() const override { return options_.relu ? Algebra::nonlinear : Algebra::linear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override {
    return {.inputs = fixed_ ? 0b11011u : 0b11u, .output = options_.relu};
  }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  void normalize_over_ranks(const PassContext& context, BatchNormForward& t,
                            std::vector<Tensor>& saved) const;
  std::vector<Tensor> fixed_backward(const BackwardArguments& arguments) const;

  BatchNormOptions options_;
  bool residual_, fixed_;
};

}  // namespace hush
