// Conversions between arithmetic and binary sharing, bit slices and carry trees.
#include <gtest/gtest.h>

#include "mpc/online/binary.h"
#include "mpc/online/bit_slices.h"
#include "mpc/online/carry.h"
#include "tests/mpc/two_party.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc::test {
namespace {

constexpr std::size_t kSizes[] = {1, 63, 64, 65, 1000};

TEST(BitSlices, PutBitsWhereTheLayoutSays) {
  for (const std::size_t n : kSizes)
    for (const unsigned width : {1u, 31u, 64u}) {
      const std::vector<Ring> x = test_numbers(n, 63);
      std::vector<std::uint64_t> planes(width * bit_words(n), ~std::uint64_t{0});
      slice_bits(x, width, planes);
      for (unsigned bit = 0; bit < width; ++bit)
        for (std::size_t i = 0; i < 64 * bit_words(n); ++i)
          ASSERT_EQ(planes[bit * bit_words(n) + i / 64] >> (i % 64) & 1,
                    i < n ? x[i] >> bit & 1 : 0);
    }
}

TEST(ArithmeticToBinary, AddsBothWords) {
  const SharedWords x(test_numbers(kManyElements, 63));
  const std::size_t n = x.secret.size();
  ResultWords y(n);
  Demand demand;
  demand_arithmetic_to_binary(demand, n);
  const auto results = run_dealt(demand, [&](Party& party) {
    converse(party, arithmetic_to_binary(party, x.part(party), y.part(party)));
  });
  EXPECT_EQ(y.exclusive_sum(), x.secret);
  EXPECT_EQ(cost_of(results), predict_arithmetic_to_binary(n));
  EXPECT_EQ(cost_of(results), (Cost{7, {208 * n, 208 * n}}));
  expect_uniform_bytes(results[0].sent);
  expect_uniform_bytes(results[1].sent);
}

TEST(BinaryToArithmetic, AddsTheBitsUp) {
  // In batches: 64 bit pairs an element are half a kilobyte.
  constexpr std::size_t kBatches = 20;
  std::vector<std::size_t> sizes(std::begin(kSizes), std::end(kSizes));
  sizes.insert(sizes.end(), kBatches, kManyElements / kBatches);
  for (std::size_t batch = 0; batch < sizes.size(); ++batch) {
    const std::size_t n = sizes[batch];
    // As exclusive-or parts: any words do.
    const SharedWords x(test_numbers(n, 63, batch), batch);
    ResultWords y(n);
    Demand demand;
    demand_binary_to_arithmetic(demand, n);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, binary_to_arithmetic(party, x.part(party), y.part(party)));
    });
    const auto sum = y.sum();
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(sum[i], x.parts[0][i] ^ x.parts[1][i]);
    EXPECT_EQ(cost_of(results), predict_binary_to_arithmetic(n));
    EXPECT_EQ(cost_of(results), (Cost{1, {8 * n, 8 * n}}));
  }
}

TEST(BitsToRing, GivesZerosAndOnes) {
  std::vector<std::size_t> sizes(std::begin(kSizes), std::end(kSizes));
  sizes.push_back(kManyElements);
  for (const bool word_a_bit : {false, true})
    for (const std::size_t n : sizes) {
      const SharedWords bits(test_numbers(bit_words(n), 63));
      ResultWords y(n);
      Demand demand;
      demand_bits_to_ring(demand, n);
      const auto results = run_dealt(demand, [&](Party& party) {
        converse(party, bits_to_ring(party, bits.part(party), y.part(party), word_a_bit));
      });
      const auto sum = y.sum();
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(sum[i], bit_at(bits.parts[0], i) ^ bit_at(bits.parts[1], i));
      EXPECT_EQ(cost_of(results), predict_bits_to_ring(n, word_a_bit));
    }
}

TEST(Carry, TreeHasTheDocumentedShape) {
  const auto bits = [](unsigned width) {
    return predict_nonnegative_by_carry(width, 64).bytes_sent[0] / 8;
  };
  EXPECT_EQ(bits(64), 205u);
  EXPECT_EQ(bits(32), 99u);
  EXPECT_EQ(predict_nonnegative_by_carry(64, 64).rounds, 4u);
  EXPECT_EQ(predict_nonnegative_by_carry(32, 64).rounds, 4u);
  EXPECT_EQ(predict_nonnegative_by_carry(17, 64).rounds, 3u);
  for (std::size_t inputs = 1; inputs < 64; ++inputs) {
    std::size_t covered = 0;
    for (const CarryRun& run : carry_level(inputs)) {
      EXPECT_EQ(run.first_input, covered);
      EXPECT_EQ(run.propagate, covered != 0);
      covered += run.groups * run.arity;
    }
    EXPECT_EQ(covered, inputs);
  }
}

TEST(Carry, FindsTheSignAtEveryWidth) {
  for (unsigned width = 2; width <= 64; ++width) {
    const std::size_t n = kManyElements / 60;
    const SharedWords x(test_numbers(n, width - 1), width);
    ResultWords bits(bit_words(n));
    Demand demand;
    demand_nonnegative_by_carry(demand, width, n);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party, nonnegative_by_carry(party, width, x.part(party), bits.part(party)));
    });
    const auto sum = bits.exclusive_sum();
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(bit_at(sum, i), Ring{signed_value(x.secret[i]) >= 0})
          << signed_value(x.secret[i]) << " at width " << width;
    }
    EXPECT_EQ(cost_of(results), predict_nonnegative_by_carry(width, n));
  }
}

}  // namespace
}  // namespace hush::mpc::test
