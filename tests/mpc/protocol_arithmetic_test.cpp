// Squares, quadratics, truncation and selection against integer arithmetic.
#include <gtest/gtest.h>

#include <cmath>

#include "mpc/online/selection.h"
#include "mpc/online/square.h"
#include "mpc/online/truncation.h"
#include "tests/mpc/two_party.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc::test {
namespace {

constexpr std::size_t kSizes[] = {1, 2, 63, 64, 65, 1000, 12'900};

std::array<PartyResult, 2> run_square(const SharedWords& x, ResultWords& y) {
  Demand demand;
  demand_square(demand, x.secret.size());
  return run_dealt(
      demand, [&](Party& party) { converse(party, square(party, x.part(party), y.part(party))); });
}

TEST(Square, IsExactInTheRing) {
  const SharedWords x(test_numbers(kManyElements, 63));
  ResultWords y(x.secret.size());
  run_square(x, y);
  const auto sum = y.sum();
  for (std::size_t i = 0; i < sum.size(); ++i) ASSERT_EQ(sum[i], x.secret[i] * x.secret[i]);
}

TEST(Square, CostsWhatItPredicts) {
  for (const std::size_t n : kSizes) {
    const SharedWords x(test_numbers(n, 20));
    ResultWords y(n);
    const Cost cost = cost_of(run_square(x, y));
    EXPECT_EQ(cost, predict_square(n));
    EXPECT_EQ(cost, (Cost{1, {8 * n, 8 * n}}));
  }
}

TEST(Square, OpeningsAndResultsLookUniform) {
  const SharedWords x(std::vector<Ring>(100'000, 3));
  ResultWords y(x.secret.size());
  const auto results = run_square(x, y);
  for (std::size_t party = 0; party < 2; ++party) {
    expect_uniform_bytes(results[party].sent);
    expect_uniform_bytes(y.parts[party]);
  }
  std::vector<Ring> opened = results[0].sent;
  for (std::size_t i = 0; i < opened.size(); ++i) opened[i] += results[1].sent[i];
  expect_uniform_bytes(opened);
}

TEST(Quadratic, MatchesIntegers) {
  const Quadratic q[] = {{3, Ring{0} - 70000, 123456789}, {Ring{0} - 5, 11, 0}};
  const SharedWords x(test_numbers(kManyElements, 40));
  for (const std::size_t channels : {1u, 2u}) {
    ResultWords y(x.secret.size());
    Demand demand;
    demand_square(demand, x.secret.size());
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, quadratic(party, std::span(q).first(channels), x.part(party), y.part(party)));
    });
    EXPECT_EQ(cost_of(results), predict_square(x.secret.size()));
    const auto sum = y.sum();
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const Quadratic& c = q[i % channels];
      ASSERT_EQ(sum[i], c.c2 * x.secret[i] * x.secret[i] + c.c1 * x.secret[i] + c.c0);
    }
  }
}

// ⌊x / 2^shift⌋ or 1 more.
bool is_truncation(Ring y, Ring x, unsigned shift) {
  const Ring error = y - Ring(signed_value(x) >> shift);
  return error <= 1;
}

TEST(Truncate, IsWithinOneUlpAlways) {
  for (const unsigned shift : {1u, 13u, 16u, 32u, 61u}) {
    const std::size_t n = shift == 16 ? kManyElements : kManyElements / 10;
    const SharedWords x(test_numbers(n, 62), shift);
    ResultWords y(n);
    Demand demand;
    demand_truncate(demand, shift, n);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, truncate(party, shift, x.part(party), y.part(party)));
    });
    EXPECT_EQ(cost_of(results), predict_truncate(n));
    const auto sum = y.sum();
    for (std::size_t i = 0; i < n; ++i)
      ASSERT_TRUE(is_truncation(sum[i], x.secret[i], shift))
          << signed_value(x.secret[i]) << " >> " << shift << " gave " << signed_value(sum[i]);
  }
}

// The error is 1 with the probability of the dropped fraction: right on average.
TEST(Truncate, IsUnbiased) {
  constexpr std::size_t kCount = 100'000;
  const SharedWords x(std::vector<Ring>(kCount, 5 * 65536 + 16384));  // 5.25
  ResultWords y(kCount);
  Demand demand;
  demand_truncate(demand, 16, kCount);
  run_dealt(demand, [&](Party& party) {
    converse(party, truncate(party, 16, x.part(party), y.part(party)));
  });
  double sum = 0;
  for (const Ring value : y.sum()) sum += double(value);
  EXPECT_NEAR(sum / kCount, 5.25, 5 * std::sqrt(0.25 * 0.75 / kCount));
}

// Local truncation goes wrong with probability |x| / 2^64, and then by 2^(64-shift).
TEST(TruncateLocal, FailsAsOftenAsTheorySays) {
  constexpr unsigned kShift = 16;
  constexpr std::size_t kCount = 1'000'000;
  const Ring magnitude = Ring{1} << 55;  // fails for 1 in 512
  for (const Ring value : {magnitude, Ring{0} - magnitude}) {
    const SharedWords x(std::vector<Ring>(kCount, value));
    ResultWords y(kCount);
    run_dealt({},
              [&](Party& party) { truncate_local(party, kShift, x.part(party), y.part(party)); });
    std::size_t failures = 0;
    for (const Ring result : y.sum()) {
      const Ring error = result - Ring(signed_value(value) >> kShift);
      if (error + 1 <= 2) continue;  // -1, 0 or 1
      ++failures;
      const Ring catastrophe = error + (Ring{1} << (64 - kShift));
      ASSERT_TRUE(catastrophe + 1 <= 2 || error - (Ring{1} << (64 - kShift)) + 1 <= 2);
    }
    const double expected = double(kCount) / 512;
    EXPECT_NEAR(double(failures), expected, 5 * std::sqrt(expected));
  }
}

TEST(TruncateLocal, IsWithinOneUlpForSmallNumbers) {
  const SharedWords x(test_numbers(20'000, 30));
  ResultWords y(x.secret.size());
  run_dealt({}, [&](Party& party) { truncate_local(party, 16, x.part(party), y.part(party)); });
  const auto sum = y.sum();
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const Ring error = sum[i] - Ring(signed_value(x.secret[i]) >> 16);
    ASSERT_LE(error + 1, 2u);
  }
}

TEST(TruncateSquare, SquaresWhatItTruncatedOverTheWholeRange) {
  for (const unsigned shift : {1u, 16u, 40u}) {
    const std::size_t n = shift == 16 ? kManyElements : kManyElements / 10;
    const SharedWords x(test_numbers(n, 62), shift);
    ResultWords y(n);
    ResultWords y2(n);
    Demand demand;
    demand_truncate_square(demand, shift, n);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, truncate_square(party, shift, x.part(party), y.part(party), y2.part(party)));
    });
    EXPECT_EQ(cost_of(results), predict_truncate_square(n));
    EXPECT_EQ(cost_of(results), (Cost{1, {8 * n, 8 * n}}));
    const auto sum = y.sum();
    const auto squares = y2.sum();
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(is_truncation(sum[i], x.secret[i], shift)) << signed_value(x.secret[i]);
      ASSERT_EQ(squares[i], sum[i] * sum[i]);
    }
  }
}

// Two images of 3 pixels of 37 channels, of which some elements are left out: runs that begin and
// end inside of a pixel, and rows that are no multiple of a vector.
TEST(TruncateQuadratic, EqualsThePolynomialOfWhatTruncationGives) {
  constexpr std::size_t kChannels = 37, kImage = 3 * kChannels, kImages = 2;
  const std::vector<ElementRun> runs = {{1, 20}, {22, 40}, {kImage - 5, 5}};
  const auto listed = [&](std::size_t i) {
    return std::ranges::any_of(
        runs, [&](const ElementRun& run) { return i >= run.first && i < run.first + run.count; });
  };
  std::vector<Ring> c2(kChannels), c1(kChannels), c0(kChannels);
  for (std::size_t c = 0; c < kChannels; ++c) {
    c2[c] = 3 + c;
    c1[c] = Ring{0} - 1000 * c;
    c0[c] = (Ring{1} << 40) + c;
  }
  constexpr std::size_t kCount = 65 * kImages;
  for (const unsigned shift : {1u, 16u, 40u}) {
    const SharedWords x(test_numbers(kImage * kImages, 62), shift);
    ResultWords y(kImage * kImages);
    Demand demand;
    demand_truncate_square(demand, shift, kCount);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, truncate_quadratic(party, shift, {c2, c1, c0}, runs, kImage, x.part(party),
                                         y.part(party)));
    });
    EXPECT_EQ(cost_of(results), predict_truncate_square(kCount));
    const auto sum = y.sum();
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const std::size_t c = i % kChannels;
      const auto polynomial = [&](Ring v) { return c2[c] * v * v + c1[c] * v + c0[c]; };
      const Ring floor = Ring(signed_value(x.secret[i]) >> shift);
      if (!listed(i % kImage)) {
        ASSERT_EQ(sum[i], 0u) << "written, but not listed: " << i;
      } else {
        ASSERT_TRUE(sum[i] == polynomial(floor) || sum[i] == polynomial(floor + 1)) << i;
      }
    }
  }
}

TEST(TruncateQuadratic, RefusesRunsBeyondTheImage) {
  const std::vector<Ring> one = {1}, x(8);
  std::vector<Ring> y(8);
  const std::vector<ElementRun> runs = {{2, 3}};
  run_dealt({}, [&](Party& party) {
    std::vector<Ring> mine(8);
    EXPECT_THROW(converse(party, truncate_quadratic(party, 4, {one, one, one}, runs, 4, x,
                                                    std::span<Ring>(mine))),
                 ArgumentError);
  });
}

TEST(Select, PicksByTheSecretBit) {
  std::vector<std::size_t> sizes(std::begin(kSizes), std::end(kSizes));
  sizes.push_back(kManyElements);
  for (const unsigned shift : {0u, 16u})
    for (const std::size_t n : sizes) {
      const SharedWords x(test_numbers(n, shift == 0 ? 63 : 62));
      const SharedWords random(std::vector<Ring>(bit_words(n), 0x0123'4567'89ab'cdef));
      ResultWords y(n);
      Demand demand;
      demand_select(demand, shift, n);
      const auto results = run_dealt(demand, [&](Party& party) {
        converse(party, select(party, shift, random.part(party), x.part(party), y.part(party)));
      });
      EXPECT_EQ(cost_of(results), predict_select(n));
      EXPECT_EQ(predict_select(n), (Cost{1, {8 * (n + bit_words(n)), 8 * (n + bit_words(n))}}));
      const auto sum = y.sum();
      for (std::size_t i = 0; i < n; ++i) {
        const bool bit = bit_at(random.parts[0], i) != bit_at(random.parts[1], i);
        if (!bit) {
          ASSERT_EQ(sum[i], 0u);
        } else if (shift == 0) {
          ASSERT_EQ(sum[i], x.secret[i]);
        } else {
          ASSERT_TRUE(is_truncation(sum[i], x.secret[i], shift));
        }
      }
    }
}

}  // namespace
}  // namespace hush::mpc::test
