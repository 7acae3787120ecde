#include "mpc/secure/linear_steps.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "mpc/online/ring_tensor.h"

namespace hush::mpc {

std::string LinearStep::text() const {
  return fmt::format("{} {} {}", op_->name(), op_->options_text(), x_.text());
}

Conversation LinearStep::run(Party& /*party*/, StepArguments arguments) const {
  // The op may overwrite an input that nobody else refers to; this one may be used again.
  const Tensor x = arguments.inputs[0].part;
  const Tensor operands[] = {x};
  std::vector<Tensor> saved;
  arguments.output.part.assign(op_->forward({}, operands, saved));
  co_return;
}

Tensor LinearStep::run_clear(const ClearArguments& arguments) const {
  std::vector<Tensor> saved;
  return op_->forward({}, arguments.inputs, saved);
}

std::string SumStep::text() const {
  return fmt::format("sum {} shifted by {}", x_.text(), fmt::join(shifts_, ", "));
}

Conversation SumStep::run(Party& /*party*/, StepArguments arguments) const {
  const auto sum = arguments.output.words();
  std::fill(sum.begin(), sum.end(), 0);
  for (std::size_t k = 0; k < shifts_.size(); ++k) {
    const auto words = arguments.inputs[k].words();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += words[i] << shifts_[k];
  }
  co_return;
}

// Scales are a matter of shares.
Tensor SumStep::run_clear(const ClearArguments& arguments) const {
  Tensor sum = arguments.inputs[0].clone();
  for (std::size_t k = 1; k < arguments.inputs.size(); ++k) add_to(sum, arguments.inputs[k]);
  return sum;
}

}  // namespace hush::mpc
