#include "apps/microbench/work.h"

#include <algorithm>

#include "apps/microbench/report.h"
#include "core/ops/convolution.h"
#include "mpc/online/ring_tensor.h"
#include "mpc/online/square.h"
#include "mpc/online/weight_layer.h"

namespace hush::apps {
namespace {

using namespace mpc;

// Public numbers that both processes can make: a benchmark has no secrets of its own.
std::vector<Ring> words_of_stream(std::size_t count, std::uint64_t stream) {
  std::vector<Ring> words(count);
  Generator generator = Generator::from_seed({0x6d6963726f, stream});
  generator.fill(std::span(words));
  return words;
}

// Fixed-point numbers with 16 fraction bits, between -2^14 and 2^14.
std::vector<Ring> fixed_point_numbers(std::size_t count) {
  std::vector<Ring> words = words_of_stream(count, 1);
  for (Ring& word : words) word = Ring(std::int64_t(word) >> 33);
  return words;
}

// Party 0 has random words, party 1 the rest.
std::vector<Ring> part_of(const std::vector<Ring>& secret, bool first) {
  std::vector<Ring> part = words_of_stream(secret.size(), 2);
  if (!first)
    for (std::size_t i = 0; i < part.size(); ++i) part[i] = secret[i] - part[i];
  return part;
}

class ElementwiseWork : public Work {
 public:
  explicit ElementwiseWork(std::size_t count) : count_(count) {}

  void set_up(Party& party) override {
    secret_ = fixed_point_numbers(count_);
    x_ = part_of(secret_, party.first());
    y_.resize(count_);
  }
  std::vector<Ring> result() const override { return y_; }

 protected:
  std::size_t count_;
  std::vector<Ring> secret_, x_, y_;
};

class ReluWork final : public ElementwiseWork {
 public:
  ReluWork(ReluOptions options, std::size_t count) : ElementwiseWork(count), options_(options) {}

  WorkFacts facts() const override {
    const bool quotable = options_.method != ReluMethod::dcf_select;
    return {"relu", fmt::format("{} {}", name_of(options_.method), count_), "ReLU", double(count_),
            quotable ? crypten_relu(count_) : std::nullopt};
  }
  Demand each() const override {
    Demand demand;
    demand_relu(demand, options_, count_);
    return demand;
  }
  Cost predicted() const override { return predict_relu(options_, count_); }
  void run(Party& party) override { converse(party, relu(party, options_, x_, y_)); }
  std::vector<Ring> expected() const override {
    std::vector<Ring> expected = secret_;
    for (Ring& word : expected)
      if (std::int64_t(word) < 0) word = 0;
    return expected;
  }

 private:
  ReluOptions options_;
};

class SignWork final : public ElementwiseWork {
 public:
  SignWork(ReluOptions options, std::size_t count) : ElementwiseWork(count), options_(options) {}

  WorkFacts facts() const override {
    return {"drelu", fmt::format("{} {}", name_of(options_.method), count_), "DReLU",
            double(count_), std::nullopt};
  }
  Demand each() const override {
    Demand demand;
    demand_nonnegative(demand, options_, count_);
    return demand;
  }
  Cost predicted() const override { return predict_nonnegative(options_, count_); }
  void run(Party& party) override {
    y_.assign(bit_words(count_), 0);
    converse(party, nonnegative(party, options_, x_, y_));
  }
  bool exclusive() const override { return true; }
  std::vector<Ring> expected() const override {
    std::vector<Ring> expected(bit_words(count_));
    for (std::size_t i = 0; i < count_; ++i)
      expected[i / 64] |= Ring{std::int64_t(secret_[i]) >= 0} << (i % 64);
    return expected;
  }
  // Bits beyond the last element mean nothing.
  std::vector<Ring> result() const override {
    std::vector<Ring> bits = y_;
    if (count_ % 64 != 0) bits.back() &= (Ring{1} << (count_ % 64)) - 1;
    return bits;
  }

 private:
  ReluOptions options_;
};

class SquareWork final : public ElementwiseWork {
 public:
  using ElementwiseWork::ElementwiseWork;

  WorkFacts facts() const override {
    return {"square", fmt::format("square {}", count_), "square", double(count_),
            crypten_square(count_)};
  }
  Demand each() const override {
    Demand demand;
    demand_square(demand, count_);
    return demand;
  }
  Cost predicted() const override { return predict_square(count_); }
  void run(Party& party) override { converse(party, square(party, x_, y_)); }
  std::vector<Ring> expected() const override {
    std::vector<Ring> expected = secret_;
    for (Ring& word : expected) word *= word;
    return expected;
  }
};

// A 3 x 3 convolution with weights that both hold in shares.
class ConvolutionWork final : public Work {
 public:
  ConvolutionWork(std::int64_t channels, std::int64_t extent, std::uint64_t mask)
      : layer_({std::make_shared<Conv2d>(ConvOptions{.padding = 1}),
                {1, extent, extent, channels},
                {3, 3, channels, channels},
                mask,
                Ownership::shared,
                true}) {}

  WorkFacts facts() const override {
    const Shape& x = layer_.options().x;
    const double multiplications = double(x.elements()) * double(9 * x[3]);
    return {"conv", fmt::format("{0} to {0} on {1} x {1}", x[3], x[1]), "MAC", multiplications,
            std::nullopt};
  }
  Demand once() const override {
    Demand demand;
    layer_.demand_set_up(demand);
    return demand;
  }
  Demand each() const override {
    Demand demand;
    layer_.demand_run(demand);
    return demand;
  }
  Cost predicted() const override { return layer_.predict_run(); }
  void set_up(Party& party) override {
    const Op& op = *layer_.options().op;
    const Shape &x_shape = layer_.options().x, &w_shape = layer_.options().w;
    const auto x = fixed_point_numbers(std::size_t(x_shape.elements()));
    const auto w = fixed_point_numbers(std::size_t(w_shape.elements()));
    expected_ = apply(op, ring_tensor(x_shape, x, {}), ring_tensor(w_shape, w, {}));
    for (Ring& word : expected_.values<Ring>()) word <<= layer_.scale_bits();
    x_.part = ring_tensor(x_shape, part_of(x, party.first()), party.device());
    y_.part = Tensor::zeros(layer_.output_shape(), DType::ring64, party.device());
    converse(party,
             layer_.set_up(party, ring_tensor(w_shape, part_of(w, party.first()), party.device())));
  }
  void prepare(Party& party) override { prepared_.emplace(layer_.prepare(party.source())); }
  void run(Party& party) override {
    converse(party, layer_.run(party, std::move(*prepared_), x_, y_));
  }
  std::vector<Ring> result() const override { return words_of(y_.part.to(Device{})); }
  std::vector<Ring> expected() const override { return words_of(expected_); }

 private:
  static std::vector<Ring> words_of(const Tensor& tensor) {
    const auto words = tensor.values<Ring>();
    return {words.begin(), words.end()};
  }

  WeightLayer layer_;
  std::optional<PreparedInput> prepared_;
  Tensor expected_;
  Share x_, y_;
};

}  // namespace

std::vector<std::unique_ptr<Work>> make_works(const WorkOptions& options) {
  std::vector<std::unique_ptr<Work>> works;
  const auto wanted = [&](const char* group) {
    return std::find(options.groups.begin(), options.groups.end(), group) != options.groups.end();
  };
  std::vector<ReluMethod> methods;
  for (const std::string& method : options.methods) methods.push_back(parse_relu_method(method));
  const auto unsigned_width = [&](ReluMethod method) {
    return method == ReluMethod::a2b ? 64 : options.width;
  };
  if (wanted("relu"))
    for (const std::size_t count : options.sizes)
      for (const ReluMethod method : methods)
        works.push_back(
            std::make_unique<ReluWork>(ReluOptions{method, unsigned_width(method), 0}, count));
  if (wanted("drelu"))
    for (const std::size_t count : options.sizes)
      for (const ReluMethod method : methods)
        if (method != ReluMethod::dcf_select)  // its bit is dcf's
          works.push_back(
              std::make_unique<SignWork>(ReluOptions{method, unsigned_width(method), 0}, count));
  if (wanted("square"))
    for (const std::size_t count : options.sizes)
      works.push_back(std::make_unique<SquareWork>(count));
  std::uint64_t mask = 0;
  if (wanted("conv"))
    for (const auto& [channels, extent] : {std::pair{64, 32}, {128, 16}, {256, 8}, {512, 4}})
      works.push_back(std::make_unique<ConvolutionWork>(channels, extent, ++mask));
  return works;
}

}  // namespace hush::apps
