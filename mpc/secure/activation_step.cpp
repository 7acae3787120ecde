#include "mpc/secure/activation_step.h"

#include <algorithm>
#include <numeric>

#include "mpc/channel/sha256.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {
namespace {

using Places = std::span<const std::uint32_t>;

// to = the elements of every image of x that are listed, image by image.
void gather(Places places, std::size_t image, std::span<const Ring> x, RingBuffer& to) {
  std::size_t next = 0;
  for (std::size_t first = 0; first < x.size(); first += image)
    for (const std::uint32_t place : places) to[next++] = x[first + place];
}

template <class T>
std::string digest_text(const std::vector<T>& values) {
  return hex(sha256(std::as_bytes(std::span(values))));
}

}  // namespace

ActivationStep::ActivationStep(std::string name, int input, int output, ActivationOptions options)
    : Step(std::move(name), {input}, output), options_(std::move(options)) {
  const auto count = std::uint32_t(options_.x.elements());
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0u);
  std::ranges::set_difference(all, options_.relus, std::back_inserter(polynomials_));
  require(polynomials_.empty() || (options_.c2.size() == std::size_t(options_.x[-1]) &&
                                   options_.c1.size() == options_.c2.size() &&
                                   options_.c0.size() == options_.c2.size()),
          "activation {}: {} coefficients for {} channels", this->name(), options_.c2.size(),
          options_.x[-1]);
  for (const std::uint32_t place : polynomials_)
    channels_.push_back(place % std::uint32_t(options_.x[-1]));
  squares_ =
      !polynomials_.empty() && std::ranges::any_of(options_.c2, [](Ring c) { return c != 0; });
}

std::string_view ActivationStep::kind() const {
  if (polynomials_.empty()) return "relu";
  return options_.relus.empty() ? "polynomial" : "relu and polynomial";
}

std::string ActivationStep::text() const {
  const ActivationOptions& o = options_;
  return fmt::format("activation {} {} width {} shift {} lift {} relus {} {} c {} {} {}",
                     o.x.text(), name_of(o.relu.method), o.relu.width, o.relu.shift, o.relu_lift,
                     o.relus.size(), digest_text(o.relus), digest_text(o.c2), digest_text(o.c1),
                     digest_text(o.c0));
}

void ActivationStep::demand(Demand& demand, std::int64_t batch) const {
  const auto relu_count = std::size_t(relus() * batch);
  const auto polynomial_count = std::size_t(polynomials() * batch);
  demand_relu(demand, options_.relu, relu_count);
  if (squares_) return demand_truncate_square(demand, options_.relu.shift, polynomial_count);
  demand_truncate(demand, options_.relu.shift, polynomial_count);
}

Cost ActivationStep::cost(std::int64_t batch) const {
  const Cost polynomial = predict_truncate_square(std::size_t(polynomials() * batch));
  if (options_.relus.empty()) return polynomial;
  return together(predict_relu(options_.relu, std::size_t(relus() * batch)), polynomial);
}

Conversation ActivationStep::run(Party& party, StepArguments arguments) const {
  const auto z = std::span<const Ring>(arguments.inputs[0].words());
  const auto y = arguments.output.words();
  if (polynomials_.empty()) {
    co_await relu(party, options_.relu, z, y);
    if (options_.relu_lift != 0)
      for (Ring& word : y) word <<= options_.relu_lift;
    co_return;
  }
  if (options_.relus.empty()) {
    co_await run_polynomials(party, z, y);
    co_return;
  }
  const auto image = std::size_t(options_.x.elements());
  const std::size_t images = z.size() / image;
  RingBuffer relu_words(options_.relus.size() * images);
  RingBuffer words(polynomials_.size() * images);
  RingBuffer squared(squares_ ? words.size() : 0);
  gather(options_.relus, image, z, relu_words);
  gather(polynomials_, image, z, words);

  std::vector<Conversation> conversations;
  conversations.push_back(relu(party, options_.relu, relu_words, relu_words));
  if (squares_)
    conversations.push_back(truncate_square(party, options_.relu.shift, words, words, squared));
  else
    conversations.push_back(truncate(party, options_.relu.shift, words, words));
  co_await together(std::move(conversations));

  std::size_t next = 0;
  for (std::size_t first = 0; first < y.size(); first += image)
    for (const std::uint32_t place : options_.relus)
      y[first + place] = relu_words[next++] << options_.relu_lift;
  combine(party.first(), words, squared, y);
}

// Nothing to gather: every row of the last axis meets the same coefficients.
Conversation ActivationStep::run_polynomials(Party& party, std::span<const Ring> z,
                                             std::span<Ring> y) const {
  const ActivationOptions& o = options_;
  const std::size_t channels = o.c1.size();
  RingBuffer squares(squares_ ? z.size() : 0);
  if (squares_)
    co_await truncate_square(party, o.relu.shift, z, y, squares);
  else
    co_await truncate(party, o.relu.shift, z, y);
  const Ring one = party.first() ? 1 : 0;
  for (std::size_t row = 0; row < y.size(); row += channels) {
    Ring* const to = y.data() + row;
    for (std::size_t c = 0; c < channels; ++c) to[c] = o.c1[c] * to[c] + one * o.c0[c];
    if (!squares_) continue;
    const Ring* const square = squares.data() + row;
    for (std::size_t c = 0; c < channels; ++c) to[c] += o.c2[c] * square[c];
  }
}

void ActivationStep::combine(bool first, std::span<const Ring> x, std::span<const Ring> squares,
                             std::span<Ring> y) const {
  const auto image = std::size_t(options_.x.elements());
  const Ring one = first ? 1 : 0;
  std::size_t next = 0;
  for (std::size_t start = 0; start < y.size(); start += image)
    for (std::size_t i = 0; i < polynomials_.size(); ++i, ++next) {
      const std::uint32_t c = channels_[i];
      Ring value = options_.c1[c] * x[next] + one * options_.c0[c];
      if (squares_) value += options_.c2[c] * squares[next];
      y[start + polynomials_[i]] = value;
    }
}

std::string TruncationStep::text() const {
  return fmt::format("truncate {} by {}", x_.text(), shift_);
}

void TruncationStep::demand(Demand& demand, std::int64_t batch) const {
  demand_truncate(demand, shift_, std::size_t(x_.elements() * batch));
}

Cost TruncationStep::cost(std::int64_t batch) const {
  return predict_truncate(std::size_t(x_.elements() * batch));
}

Conversation TruncationStep::run(Party& party, StepArguments arguments) const {
  const auto x = std::span<const Ring>(arguments.inputs[0].words());
  co_await truncate(party, shift_, x, arguments.output.words());
}

}  // namespace hush::mpc
