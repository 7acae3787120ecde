#include "mpc/secure/activation_step.h"

#include <algorithm>
#include <cmath>

#include "mpc/channel/sha256.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {
namespace {

// What lies between the listed elements of an image.
std::vector<ElementRun> runs_between(std::span<const std::uint32_t> listed, std::uint32_t image) {
  std::vector<ElementRun> runs;
  std::uint32_t next = 0;
  const auto up_to = [&](std::uint32_t place) {
    if (place > next) runs.push_back({next, place - next});
    next = place + 1;
  };
  for (const std::uint32_t place : listed) up_to(place);
  up_to(image);
  return runs;
}

template <class T>
std::string digest_text(const std::vector<T>& values) {
  return hex(sha256(std::as_bytes(std::span(values))));
}

}  // namespace

ActivationStep::ActivationStep(std::string name, int input, int output, ActivationOptions options)
    : Step(std::move(name), {input}, output), options_(std::move(options)) {
  polynomials_ = runs_between(options_.relus, std::uint32_t(options_.x.elements()));
  require(polynomials_.empty() || (options_.c2.size() == std::size_t(options_.x[-1]) &&
                                   options_.c1.size() == options_.c2.size() &&
                                   options_.c0.size() == options_.c2.size()),
          "activation {}: {} coefficients for {} channels", this->name(), options_.c2.size(),
          options_.x[-1]);
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
  std::vector<Conversation> conversations;
  conversations.push_back(run_relus(party, z, y));
  conversations.push_back(run_polynomials(party, z, y));
  co_await together(std::move(conversations));
}

// The listed elements of every image, gathered and put back.
Conversation ActivationStep::run_relus(Party& party, std::span<const Ring> z,
                                       std::span<Ring> y) const {
  const auto image = std::size_t(options_.x.elements());
  RingBuffer words(options_.relus.size() * (z.size() / image));
  std::size_t next = 0;
  for (std::size_t start = 0; start < z.size(); start += image)
    for (const std::uint32_t place : options_.relus) words[next++] = z[start + place];
  co_await relu(party, options_.relu, words, words);
  next = 0;
  for (std::size_t start = 0; start < y.size(); start += image)
    for (const std::uint32_t place : options_.relus)
      y[start + place] = words[next++] << options_.relu_lift;
}

Conversation ActivationStep::run_polynomials(Party& party, std::span<const Ring> z,
                                             std::span<Ring> y) const {
  const ActivationOptions& o = options_;
  const auto image = std::size_t(o.x.elements());
  if (squares_) {
    const ChannelQuadratics coefficients{o.c2, o.c1, o.c0};
    co_await truncate_quadratic(party, o.relu.shift, coefficients, polynomials_, image, z, y);
    co_return;
  }
  // Straight lines need no squares.
  RingBuffer words(std::size_t(polynomials()) * (z.size() / image));
  const auto for_each = [&](auto f) {
    std::size_t next = 0;
    for (std::size_t start = 0; start < z.size(); start += image)
      for (const ElementRun& run : polynomials_)
        for (std::uint32_t i = run.first; i < run.first + run.count; ++i)
          f(start + i, words[next++], i % o.c1.size());
  };
  for_each([&](std::size_t place, Ring& word, std::size_t) { word = z[place]; });
  co_await truncate(party, o.relu.shift, words, words);
  const Ring one = party.first() ? 1 : 0;
  for_each([&](std::size_t place, Ring word, std::size_t channel) {
    y[place] = o.c1[channel] * word + one * o.c0[channel];
  });
}

Tensor ActivationStep::run_clear(const ClearArguments& arguments) const {
  const ActivationOptions& o = options_;
  const auto x = arguments.inputs[0].values<float>();
  Tensor result = Tensor::empty(arguments.inputs[0].shape(), DType::float32);
  const auto y = result.values<float>();
  const auto image = std::size_t(o.x.elements());
  // Fraction bits of the truncated x, and so of each coefficient.
  const int bits = arguments.input_scale - int(o.relu.shift);
  const auto number = [&](Ring word, int powers) {
    return std::ldexp(double(std::int64_t(word)), powers * bits - arguments.output_scale);
  };
  for (std::size_t start = 0; start < x.size(); start += image) {
    for (const std::uint32_t place : o.relus) y[start + place] = std::max(x[start + place], 0.0f);
    for (const ElementRun& run : polynomials_)
      for (std::size_t i = run.first; i < std::size_t(run.first) + run.count; ++i) {
        const std::size_t c = i % o.c1.size();
        const double value = double(x[start + i]);
        y[start + i] =
            float((number(o.c2[c], 2) * value + number(o.c1[c], 1)) * value + number(o.c0[c], 0));
      }
  }
  return result;
}

// A sum that is opened must stay below 2^62, one that is compared below what its bits can hold.
double ActivationStep::limit(int scale) const {
  const double opened = std::ldexp(1.0, 62 - scale);
  if (options_.relus.empty()) return opened;
  const int bits = scale - int(options_.relu.shift);
  return std::min(opened, std::ldexp(1.0, int(options_.relu.width) - 1 - bits));
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

Tensor TruncationStep::run_clear(const ClearArguments& arguments) const {
  return arguments.inputs[0];
}

double TruncationStep::limit(int scale) const {
  return std::ldexp(1.0, 62 - scale);
}

}  // namespace hush::mpc
