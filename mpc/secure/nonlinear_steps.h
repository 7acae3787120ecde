// Nonlinear ops other than activations by ReLU: max pooling and the logistic function.
#pragma once

#include "core/kernel_options.h"
#include "mpc/online/relu.h"
#include "mpc/secure/step.h"

namespace hush::mpc {

// Max pooling as a tournament in each window (maximum.h). Where a window hangs over the image one
// of its pixels stands for those outside, which changes no maximum.
class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(std::string name, int input, int output, PoolOptions pool, ReluOptions relu, Shape x,
              Shape y);

  std::string_view kind() const override { return "max pool"; }
  std::string text() const override;
  std::int64_t elements() const override { return std::int64_t(places_.size()); }
  void demand(Demand& demand, std::int64_t batch) const override;
  Cost cost(std::int64_t batch) const override;
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;
  double limit(int scale) const override;

 private:
  std::size_t windows(std::int64_t batch) const;

  PoolOptions pool_;
  ReluOptions relu_;
  Shape x_, y_;
  std::size_t columns_ = 0;
  std::vector<std::uint32_t> places_;  // window after window, in one image
};

// The logistic function by a polynomial (sigmoid.h), of values at `fraction_bits`.
class SigmoidStep final : public Step {
 public:
  SigmoidStep(std::string name, int input, int output, ReluOptions relu, int fraction_bits, Shape x)
      : Step(std::move(name), {input}, output),
        relu_(relu),
        fraction_bits_(unsigned(fraction_bits)),
        x_(x) {}

  std::string_view kind() const override { return "sigmoid"; }
  std::string text() const override;
  std::int64_t elements() const override { return x_.elements(); }
  void demand(Demand& demand, std::int64_t batch) const override;
  Cost cost(std::int64_t batch) const override;
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;
  double limit(int scale) const override;

 private:
  ReluOptions relu_;
  unsigned fraction_bits_;
  Shape x_;
};

}  // namespace hush::mpc
