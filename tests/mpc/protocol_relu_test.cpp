// Signs and ReLU by every method, over the whole range, against integers.
#include <gtest/gtest.h>

#include "mpc/online/relu.h"
#include "mpc/online/square.h"
#include "tests/mpc/two_party.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc::test {
namespace {

constexpr ReluMethod kMethods[] = {ReluMethod::a2b, ReluMethod::carry, ReluMethod::dcf,
                                   ReluMethod::dcf_select};
// Elements dealt and run at a time: comparison keys take kilobytes each.
constexpr std::size_t kBatch = 50'000;

std::string title(const ReluOptions& options) {
  return fmt::format(
      "{}_width{}_shift{}",
      options.method == ReluMethod::dcf_select ? "dcf_select" : name_of(options.method),
      options.width, options.shift);
}

struct ReluRun {
  std::vector<Ring> y;
  std::array<PartyResult, 2> results;
};

ReluRun run_relu(const ReluOptions& options, const SharedWords& x, std::uint64_t label = 0) {
  ResultWords y(x.secret.size());
  Demand demand;
  demand_relu(demand, options, x.secret.size());
  auto results = run_dealt(
      demand,
      [&](Party& party) { converse(party, relu(party, options, x.part(party), y.part(party))); },
      label);
  return {y.sum(), std::move(results)};
}

class Relu : public testing::TestWithParam<ReluOptions> {
 protected:
  // The magnitude in bits that the options allow.
  unsigned range() const {
    const ReluOptions& options = GetParam();
    if (options.shift == 0) return options.width - 1;
    return std::min(options.width - 2 + options.shift, 62u);
  }
};

TEST_P(Relu, IsRightOverTheWholeRange) {
  const ReluOptions& options = GetParam();
  // All of them once for each method; the variants share most of their code.
  const bool plain = options.width == 64 && options.shift == 0;
  const std::vector<Ring> numbers =
      test_numbers(plain ? kManyElements : kManyElements / 10, range());
  for (std::size_t first = 0; first < numbers.size(); first += kBatch) {
    const std::size_t count = std::min(kBatch, numbers.size() - first);
    const SharedWords x(
        {numbers.begin() + std::ptrdiff_t(first), numbers.begin() + std::ptrdiff_t(first + count)},
        first);
    const auto y = run_relu(options, x, first).y;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t value = signed_value(x.secret[i]);
      const Ring expected = value < 0 ? 0 : x.secret[i] >> options.shift;
      const Ring allowed = options.shift != 0 ? 1 : 0;  // one ulp more
      // A number that truncates to 0 or -1 may have either sign afterwards for a2b.
      const Ring error = y[i] - expected;
      ASSERT_LE(error,
                value >= 0 || (options.method == ReluMethod::a2b && value >> options.shift == -1)
                    ? allowed
                    : 0)
          << value << " gave " << signed_value(y[i]);
    }
  }
}

TEST_P(Relu, CostsWhatItPredicts) {
  for (const std::size_t n : {1u, 63u, 64u, 65u, 1000u, 12'900u}) {
    const SharedWords x(test_numbers(n, range()));
    EXPECT_EQ(cost_of(run_relu(GetParam(), x).results), predict_relu(GetParam(), n)) << n;
  }
}

TEST_P(Relu, OpeningsLookUniform) {
  const SharedWords x(std::vector<Ring>(20'000, 7 << 16));
  const auto results = run_relu(GetParam(), x).results;
  ReluOptions options = GetParam();
  for (const PartyResult& result : results) {
    if (options.method != ReluMethod::a2b) {
      expect_uniform_bytes(result.sent);
      continue;
    }
    // The conversion of a bit sends one bit a word, as CrypTen does; all else is uniform.
    const std::size_t n = x.secret.size();
    const std::span<const Ring> sent(result.sent);
    expect_uniform_bytes(sent.first(sent.size() - 3 * n));
    expect_uniform_bytes(sent.last(2 * n));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Relu,
    testing::Values(ReluOptions{ReluMethod::a2b, 64, 0}, ReluOptions{ReluMethod::a2b, 64, 16},
                    ReluOptions{ReluMethod::carry, 64, 0}, ReluOptions{ReluMethod::carry, 64, 16},
                    ReluOptions{ReluMethod::carry, 32, 0}, ReluOptions{ReluMethod::carry, 28, 20},
                    ReluOptions{ReluMethod::dcf, 64, 0}, ReluOptions{ReluMethod::dcf, 64, 16},
                    ReluOptions{ReluMethod::dcf, 32, 0}, ReluOptions{ReluMethod::dcf, 28, 20},
                    ReluOptions{ReluMethod::dcf_select, 64, 0},
                    ReluOptions{ReluMethod::dcf_select, 64, 16},
                    ReluOptions{ReluMethod::dcf_select, 32, 0},
                    ReluOptions{ReluMethod::dcf_select, 28, 20}),
    [](const auto& instance) { return title(instance.param); });

// The figures of the design, for whole words of elements.
TEST(ReluCost, MeetsTheDesign) {
  constexpr std::size_t n = 491'520;
  const auto cost = [&](ReluMethod method, unsigned width) {
    return predict_relu({method, width, 0}, n);
  };
  const auto both = [](double bytes_an_element) {
    const auto bytes = std::uint64_t(bytes_an_element * n);
    return std::array<std::uint64_t, 2>{bytes, bytes};
  };
  EXPECT_EQ(cost(ReluMethod::a2b, 64), (Cost{9, both(232)}));
  EXPECT_EQ(cost(ReluMethod::carry, 64), (Cost{5, both(33.75)}));
  EXPECT_EQ(cost(ReluMethod::carry, 32), (Cost{5, both(20.5)}));
  EXPECT_EQ(cost(ReluMethod::dcf, 64), (Cost{1, both(8)}));
  EXPECT_EQ(cost(ReluMethod::dcf_select, 64), (Cost{2, both(8.125)}));
  for (const ReluMethod method : {ReluMethod::carry, ReluMethod::dcf, ReluMethod::dcf_select})
    EXPECT_LE(predict_relu({method, 64, 16}, n).bytes_sent[0], cost(method, 64).bytes_sent[0])
        << "truncation is free";
}

TEST(ReluOffline, CarryNeedsAbout80BytesFromADealer) {
  constexpr std::size_t n = 64'000;
  Demand demand;
  demand_relu(demand, {ReluMethod::carry, 64, 0}, n);
  EXPECT_EQ(demand.dealt_bytes(1), 16 + std::uint64_t(77.25 * n));
  EXPECT_EQ(demand.dealt_bytes(0), 16u);
}

// ReLUs that stay and polynomials that replaced others open in the same message of one layer.
TEST(Layer, ReluAndPolynomialShareMessages) {
  constexpr std::size_t kRelus = 300;
  constexpr std::size_t kSquares = 700;
  for (const ReluMethod method : kMethods) {
    const ReluOptions options{method, 64, 0};
    const SharedWords x(test_numbers(kRelus, 40));
    const SharedWords z(test_numbers(kSquares, 30), 2);
    ResultWords y(kRelus);
    ResultWords squares(kSquares);
    Demand demand;
    demand_relu(demand, options, kRelus);
    demand_square(demand, kSquares);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, relu(party, options, x.part(party), y.part(party)),
               square(party, z.part(party), squares.part(party)));
    });
    const Cost relu_cost = predict_relu(options, kRelus);
    EXPECT_EQ(cost_of(results), together(relu_cost, predict_square(kSquares)));
    EXPECT_EQ(results[0].traffic.messages_sent, relu_cost.rounds);
    const auto y_sum = y.sum();
    for (std::size_t i = 0; i < kRelus; ++i)
      ASSERT_EQ(y_sum[i], signed_value(x.secret[i]) < 0 ? 0 : x.secret[i]);
    const auto square_sum = squares.sum();
    for (std::size_t i = 0; i < kSquares; ++i) ASSERT_EQ(square_sum[i], z.secret[i] * z.secret[i]);
  }
}

TEST(Nonnegative, IsRightForEveryMethod) {
  const std::vector<Ring> numbers = test_numbers(kManyElements, 63);
  const std::size_t n = std::min(kBatch, numbers.size());
  for (const ReluMethod method : kMethods)
    for (std::size_t first = 0; first < numbers.size(); first += n) {
      const ReluOptions options{method, 64, 0};
      const SharedWords x(
          {numbers.begin() + std::ptrdiff_t(first), numbers.begin() + std::ptrdiff_t(first + n)},
          first);
      ResultWords bits(bit_words(n));
      Demand demand;
      demand_nonnegative(demand, options, n);
      const auto results = run_dealt(
          demand,
          [&](Party& party) {
            converse(party, nonnegative(party, options, x.part(party), bits.part(party)));
          },
          first);
      EXPECT_EQ(cost_of(results), predict_nonnegative(options, n));
      const auto sum = bits.exclusive_sum();
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(bit_at(sum, i), Ring{signed_value(x.secret[i]) >= 0})
            << signed_value(x.secret[i]) << " by " << name_of(method);
    }
}

TEST(ReluMethod, NamesAreRead) {
  for (const ReluMethod method : kMethods) EXPECT_EQ(parse_relu_method(name_of(method)), method);
  EXPECT_THROW(parse_relu_method("magic"), ArgumentError);
}

TEST(ReluOptions, AreChecked) {
  EXPECT_THROW(predict_relu({ReluMethod::dcf, 8, 0}, 1), ArgumentError);
  EXPECT_THROW(predict_relu({ReluMethod::carry, 65, 0}, 1), ArgumentError);
}

}  // namespace
}  // namespace hush::mpc::test
