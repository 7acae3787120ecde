// Bilinear ops: with a layer's weights, and of two secrets.
#pragma once

#include "mpc/secure/options.h"
#include "mpc/secure/step.h"

namespace hush::mpc {

struct ProductOptions {
  std::shared_ptr<const Op> op;  // bilinear in (x, w), without bias or residual
  Shape x, w;                    // x of one image
  WeightMode mode = WeightMode::shared;
  std::uint64_t mask = 0;
  bool bias = false;
  // Of the residual, the second input, if there is one: how far to shift it to the scale of the
  // sum.
  std::optional<unsigned> residual_shift;
  unsigned scale_bits = 0;  // of the form in which the op is fastest (kept_weights.h)
};

// z = 2^scale_bits (x ⊛ w) + bias + (residual << shift). Batch norm is folded into w and bias.
// Shared weights: 1 round, 8 bytes an element of x each way; weights at party 0: the same from
// party 1 alone; public weights: nothing.
class ProductStep final : public Step {
 public:
  ProductStep(std::string name, std::vector<int> inputs, int output, ProductOptions options);

  std::string_view kind() const override;
  std::string text() const override;
  bool interactive() const override { return options_.mode != WeightMode::open; }
  std::int64_t elements() const override { return options_.x.elements(); }
  void demand(Demand& demand, std::int64_t batch) const override;
  Cost cost(std::int64_t batch) const override;
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;

  const ProductOptions& options() const { return options_; }
  // Multiply-accumulates for one image, as the op defines them.
  std::int64_t macs() const;
  // An unopened layer of these weights.
  WeightLayer layer() const;

 private:
  ProductOptions options_;
};

// z = x ⊛ y of two secrets, under any bilinear op. 1 round, 8 bytes an element of both.
class MultiplyStep final : public Step {
 public:
  MultiplyStep(std::string name, std::vector<int> inputs, int output, std::shared_ptr<const Op> op,
               Shape x, Shape y)
      : Step(std::move(name), std::move(inputs), output), op_(std::move(op)), x_(x), y_(y) {}

  std::string_view kind() const override { return "product"; }
  std::string text() const override {
    return fmt::format("{} {} {}", op_->name(), x_.text(), y_.text());
  }
  std::int64_t elements() const override { return x_.elements(); }
  void demand(Demand& demand, std::int64_t batch) const override;
  Cost cost(std::int64_t batch) const override;
  Conversation run(Party& party, StepArguments arguments) const override;
  Tensor run_clear(const ClearArguments& arguments) const override;

 private:
  std::shared_ptr<const Op> op_;
  Shape x_, y_;
};

}  // namespace hush::mpc
