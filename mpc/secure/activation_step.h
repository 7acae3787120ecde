// Activations, and truncation where there is none: what brings a sum of products back to the scale
// of activations.
//
// The trick: the sum z is opened once, masked, straight from the convolution. That one opening
// truncates it, squares it for the elements that have become polynomials (truncation.h), and is
// what the comparison function of the elements that stayed ReLUs is evaluated at (relu.h). So a
// layer costs one round with comparison functions whose value is a product, two if they yield bits.
//
// The elements are gathered by kind; which is which is public, and so are the polynomials'
// coefficients, which are applied locally.
#pragma once

#include "mpc/online/relu.h"
#include "mpc/online/truncation.h"
#include "mpc/secure/step.h"

namespace hush::mpc {

struct ActivationOptions {
  Shape x;           // of one image
  ReluOptions relu;  // method, bits that are compared, bits to drop from z
  // Elements of one image, ascending, that stay ReLUs; the others are polynomials.
  std::vector<std::uint32_t> relus;
  // Of the polynomials: c2, c1, c0 of each channel (the last axis), encoded so that all three terms
  // have the output's scale; empty if there are none. Squares are needed unless all c2 are 0.
  std::vector<Ring> c2, c1, c0;
  // Brings the ReLUs' scale up to that of the polynomials.
  unsigned relu_lift = 0;
};

class ActivationStep final : public Step {
 public:
  ActivationStep(std::string name, int input, int output, ActivationOptions options);

  std::string_view kind() const override;
  std::string text() const override;
  std::int64_t elements() const override { return options_.x.elements(); }
  void demand(Demand& demand, std::int64_t batch) const override;
  Cost cost(std::int64_t batch) const override;
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;
  double limit(int scale) const override;

  std::int64_t relus() const { return std::int64_t(options_.relus.size()); }
  std::int64_t polynomials() const { return options_.x.elements() - relus(); }
  bool squares() const { return squares_; }

 private:
  Conversation run_relus(Party& party, std::span<const Ring> z, std::span<Ring> y) const;
  Conversation run_polynomials(Party& party, std::span<const Ring> z, std::span<Ring> y) const;

  ActivationOptions options_;
  std::vector<ElementRun> polynomials_;  // the other elements, ascending
  bool squares_ = false;
};

// y = z >> shift.
class TruncationStep final : public Step {
 public:
  TruncationStep(std::string name, int input, int output, unsigned shift, Shape x)
      : Step(std::move(name), {input}, output), shift_(shift), x_(x) {}

  std::string_view kind() const override { return "truncation"; }
  std::string text() const override;
  std::int64_t elements() const override { return x_.elements(); }
  void demand(Demand& demand, std::int64_t batch) const override;
  Cost cost(std::int64_t batch) const override;
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;
  double limit(int scale) const override;

 private:
  unsigned shift_;
  Shape x_;
};

}  // namespace hush::mpc
