// Products by OT: shares of x·y for every width, edge values, exact traffic.
#include <gtest/gtest.h>

#include <vector>

#include "mpc/ot/bit_packing.h"
#include "mpc/ot/gilboa.h"
#include "ot_two_party.h"

namespace hush::mpc {
namespace {

using test::OtParties;
using test::random_words;

void check_products(OtParties& parties, OtExtension extension, unsigned width, unsigned bits,
                    const std::vector<std::uint64_t>& x, const std::vector<std::uint64_t>& y) {
  std::vector<std::uint64_t> a(x.size());
  std::vector<std::uint64_t> c(x.size());
  const OtCost cost = parties.run_ot([&](OtSender& s) { gilboa_send(s, width, bits, x, a); },
                                     [&](OtReceiver& r) { gilboa_receive(r, width, bits, y, c); });
  EXPECT_EQ(cost, gilboa_cost(extension, x.size(), width, bits));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint64_t factor = y[i] & low_bits(bits);
    ASSERT_EQ((a[i] + c[i]) & low_bits(width), (x[i] * factor) & low_bits(width))
        << "width " << width << " bits " << bits << " element " << i;
    ASSERT_EQ((a[i] | c[i]) & ~low_bits(width), 0U);
  }
}

TEST(Gilboa, EdgeValuesForEveryExtension) {
  const std::vector<std::uint64_t> edges = {
      0, 1, 2, 1ULL << 16, 1ULL << 31, 1ULL << 32, 1ULL << 63, (1ULL << 63) - 1, ~0ULL, ~0ULL - 1};
  std::vector<std::uint64_t> x;
  std::vector<std::uint64_t> y;
  for (const std::uint64_t left : edges)
    for (const std::uint64_t right : edges) {
      x.push_back(left);
      y.push_back(right);
    }
  for (const OtExtension extension : test::kAllExtensions) {
    OtParties parties(extension);
    check_products(parties, extension, 64, 64, x, y);
  }
}

TEST(Gilboa, WidthsBitsAndOddCounts) {
  const auto extension = OtExtension::kSoftSpoken4;
  OtParties parties(extension);
  for (const unsigned width : {1, 2, 13, 32, 63, 64})
    for (const unsigned bits : {1, 2, 13, 32, 63, 64}) {
      if (bits > width) continue;
      for (const std::size_t count : {1, 63, 64, 65, 129, 700})
        check_products(parties, extension, width, bits, random_words(count, 1),
                       random_words(count, 2));
    }
}

TEST(Gilboa, SeveralBatches) {
  const auto extension = OtExtension::kSoftSpoken4;
  OtParties parties(extension);
  const std::size_t count = kOtBatchChunks * 128 + 200;
  check_products(parties, extension, 64, 64, random_words(count, 3), random_words(count, 4));
  EXPECT_EQ(gilboa_cost(extension, count, 64, 64).rounds, 4U);
}

TEST(Gilboa, BytesAreAsDerived) {
  const OtCost full = gilboa_cost(OtExtension::kSoftSpoken4, 1 << 14, 64, 64);
  EXPECT_EQ(full.sender_bytes, 260U << 14);    // 64 + 63 + … + 1 bits
  EXPECT_EQ(full.receiver_bytes, 256U << 14);  // 64 transfers of 4 bytes
  const OtCost cross = gilboa_cost(OtExtension::kSoftSpoken4, 1 << 14, 63, 63);
  EXPECT_EQ(cross.sender_bytes, 252U << 14);  // 2·a·b needs 63 bits
  const OtCost by_bit = gilboa_cost(OtExtension::kSoftSpoken4, 1 << 14, 64, 1);
  EXPECT_EQ(by_bit.sender_bytes, 8U << 14);
  EXPECT_EQ(by_bit.receiver_bytes, 4U << 14);
}

TEST(Gilboa, RefusesWidthsThatDoNotFit) {
  EXPECT_THROW(gilboa_cost(OtExtension::kIknp, 1, 32, 33), ArgumentError);
  EXPECT_THROW(gilboa_cost(OtExtension::kIknp, 1, 65, 1), ArgumentError);
  EXPECT_THROW(gilboa_cost(OtExtension::kIknp, 1, 64, 0), ArgumentError);
}

}  // namespace
}  // namespace hush::mpc
