// Maximum, argmax and the sigmoid of gates.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/ops/pool.h"
#include "mpc/online/fixed_point.h"
#include "mpc/online/maximum.h"
#include "mpc/online/ring_tensor.h"
#include "mpc/online/share.h"
#include "mpc/online/sigmoid.h"
#include "tests/mpc/two_party.h"

namespace hush::mpc::test {
namespace {

constexpr ReluMethod kMethods[] = {ReluMethod::a2b, ReluMethod::carry, ReluMethod::dcf,
                                   ReluMethod::dcf_select};
constexpr std::size_t kRows = 50;

// Rows with duplicates, so that ties happen. Numbers of up to half the range: differences count.
std::vector<Ring> rows_of(std::size_t columns, std::size_t rows = kRows) {
  std::vector<Ring> x = test_numbers(rows * columns, 62);
  Generator generator = Generator::deterministic_for_tests(columns);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    std::swap(x[i], x[i + generator.next_u64() % (x.size() - i)]);
    if (generator.next_u64() % 4 == 0 && i > 0) x[i] = x[i - 1];
  }
  return x;
}

// Many rows of ten; comparison keys take kilobytes each.
std::size_t row_count(ReluMethod method, std::size_t columns) {
  if (columns != 10) return kRows;
  return method == ReluMethod::carry ? kManyElements / 10 : kManyElements / 100;
}

TEST(Maximum, FindsTheLargestOfEachRow) {
  for (const ReluMethod method : kMethods)
    for (const std::size_t columns : {1u, 2u, 3u, 4u, 9u, 10u}) {
      const ReluOptions options{method, 64, 0};
      const std::size_t rows = row_count(method, columns);
      const SharedWords x(rows_of(columns, rows));
      ResultWords y(rows);
      Demand demand;
      demand_maximum(demand, options, rows, columns);
      const auto results = run_dealt(demand, [&](Party& party) {
        converse(party, maximum(party, options, columns, x.part(party), y.part(party)));
      });
      EXPECT_EQ(cost_of(results), predict_maximum(options, rows, columns));
      const auto sum = y.sum();
      for (std::size_t row = 0; row < rows; ++row) {
        std::int64_t largest = signed_value(x.secret[row * columns]);
        for (std::size_t c = 1; c < columns; ++c)
          largest = std::max(largest, signed_value(x.secret[row * columns + c]));
        ASSERT_EQ(signed_value(sum[row]), largest) << name_of(method) << " row " << row;
      }
    }
}

TEST(Argmax, FindsTheFirstLargestOfEachRow) {
  for (const ReluMethod method : kMethods)
    for (const std::size_t columns : {1u, 2u, 3u, 10u, 100u}) {
      const ReluOptions options{method, 64, 0};
      const std::size_t rows = row_count(method, columns);
      const SharedWords x(rows_of(columns, rows));
      ResultWords index(rows);
      Demand demand;
      demand_argmax(demand, options, rows, columns);
      const auto results = run_dealt(demand, [&](Party& party) {
        converse(party, argmax(party, options, columns, x.part(party), index.part(party)));
      });
      EXPECT_EQ(cost_of(results), predict_argmax(options, rows, columns));
      const auto sum = index.sum();
      for (std::size_t row = 0; row < rows; ++row) {
        const auto begin = x.secret.begin() + std::ptrdiff_t(row * columns);
        const auto largest =
            std::max_element(begin, begin + std::ptrdiff_t(columns),
                             [](Ring a, Ring b) { return signed_value(a) < signed_value(b); });
        ASSERT_EQ(sum[row], Ring(largest - begin)) << name_of(method) << " row " << row;
      }
    }
}

TEST(Argmax, TakesTheRoundsOfItsLevels) {
  EXPECT_EQ(predict_argmax({ReluMethod::dcf, 64, 0}, 1, 10).rounds, 4u * 2);
  EXPECT_EQ(predict_argmax({ReluMethod::carry, 64, 0}, 1, 10).rounds, 4u * 5);
  EXPECT_EQ(predict_maximum({ReluMethod::dcf, 64, 0}, 1, 10).rounds, 4u);
}

void check_sigmoid(ReluMethod method, unsigned fraction_bits, std::size_t count) {
  std::vector<double> points = {0, 8, -8, 7.99, -8.01, 100, -100, 30000, -30000};
  for (std::size_t i = 0; i < count; ++i) points.push_back(-12 + 24 * double(i) / double(count));
  const FixedPoint fixed(static_cast<int>(fraction_bits));
  std::vector<Ring> words;
  for (const double x : points) words.push_back(fixed.encode(x));
  const SharedWords x(words);
  const std::size_t n = words.size();
  const ReluOptions options{method, 64, 0};
  ResultWords y(n);
  Demand demand;
  demand_sigmoid(demand, options, fraction_bits, n);
  const auto results = run_dealt(demand, [&](Party& party) {
    converse(party, sigmoid(party, options, fraction_bits, x.part(party), y.part(party)));
  });
  EXPECT_EQ(cost_of(results), predict_sigmoid(options, n));
  double worst = 0;
  const auto sum = y.sum();
  for (std::size_t i = 0; i < n; ++i)
    worst = std::max(worst, std::fabs(fixed.decode(sum[i]) - 1 / (1 + std::exp(-points[i]))));
  EXPECT_LT(worst, kSigmoidError + 8 * (fixed.ulp() - std::ldexp(1.0, -16)));
  EXPECT_GT(worst, 0.0003) << "the bound is loose";
}

TEST(Sigmoid, StaysWithinItsErrorBound) {
  for (const unsigned fraction_bits : {16u, 13u}) {
    check_sigmoid(ReluMethod::carry, fraction_bits, kManyElements);
    check_sigmoid(ReluMethod::dcf, fraction_bits, kManyElements / 100);
  }
}

// Pooling averages is linear: each party sums its own share; the division goes into what follows.
TEST(SumPool, IsLocal) {
  const Tensor x = Tensor::from({1, 4, 4, 3}, test_numbers(48, 40));
  Generator generator = Generator::deterministic_for_tests(1);
  const auto shares = share(x, generator);
  const Pool pool({.kind = PoolKind::average, .kernel = 2, .stride = 2});
  std::vector<Tensor> saved;
  const auto pooled = [&](const Tensor& tensor) {
    const Tensor inputs[] = {tensor};
    return pool.forward({}, inputs, saved);
  };
  const Tensor revealed = reveal(Share{pooled(shares[0].part)}, Share{pooled(shares[1].part)});
  const Tensor expected = pooled(x);
  for (std::size_t i = 0; i < std::size_t(expected.elements()); ++i)
    EXPECT_EQ(revealed.values<Ring>()[i], expected.values<Ring>()[i]);
  Ring first = 0;
  for (const std::size_t at : {0u, 3u, 12u, 15u}) first += x.values<Ring>()[at];
  EXPECT_EQ(revealed.values<Ring>()[0], first) << "a sum, not yet divided";
}

}  // namespace
}  // namespace hush::mpc::test
