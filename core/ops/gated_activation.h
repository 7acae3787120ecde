// The activation of a network whose ReLUs are being replaced (AutoReP, ICCV 2023, section 3).
#pragma once

#include "core/op.h"

namespace hush {

// y = m relu(x) + (1 - m) (c2 x² + c1 x + c0). Inputs: x [N, ..., C]; gate m [..., C], one value
// per element of the feature map; coefficients [3, C], rows c0, c1, c2; running mean and running
// variance [C] of x. Gates are 1 or 0 in a finished network; values between serve methods that
// relax them. Training moves the running statistics (biased variance of the batch, weight
// `momentum`), which DaPa's coefficients are computed from; with `fixed` they stay.
class GatedActivation final : public Op {
 public:
  explicit GatedActivation(float momentum = 0.1f, bool fixed = false)
      : momentum_(momentum), fixed_(fixed) {}

  float momentum() const { return momentum_; }

  std::string_view name() const override { return "gated_activation"; }
  Algebra algebra() const override { return Algebra::nonlinear; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  // ReLUs: the gates that are not 0.
  OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {.inputs = 0b111}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  float momentum_;
  bool fixed_;
};

}  // namespace hush
