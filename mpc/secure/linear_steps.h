// Steps without communication: linear ops, and sums of values of different scales.
#pragma once

#include "mpc/secure/step.h"

namespace hush::mpc {

// Any linear op of one input, applied by each party to its own share.
class LinearStep final : public Step {
 public:
  LinearStep(std::string name, int input, int output, std::shared_ptr<const Op> op, Shape x)
      : Step(std::move(name), {input}, output), op_(std::move(op)), x_(x) {}

  std::string_view kind() const override { return "linear"; }
  std::string text() const override;
  bool interactive() const override { return false; }
  std::int64_t elements() const override { return x_.elements(); }
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;

 private:
  std::shared_ptr<const Op> op_;
  Shape x_;
};

// The sum of values, each shifted to the left first so that all have one scale.
class SumStep final : public Step {
 public:
  SumStep(std::string name, std::vector<int> inputs, int output, std::vector<unsigned> shifts,
          Shape x)
      : Step(std::move(name), std::move(inputs), output), shifts_(std::move(shifts)), x_(x) {}

  std::string_view kind() const override { return "linear"; }
  std::string text() const override;
  bool interactive() const override { return false; }
  std::int64_t elements() const override { return x_.elements(); }
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;

 private:
  std::vector<unsigned> shifts_;
  Shape x_;
};

}  // namespace hush::mpc
