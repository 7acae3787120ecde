// Matrix products by OT against integer arithmetic, with exact traffic.
#include <gtest/gtest.h>

#include <vector>

#include "mpc/ot/bit_packing.h"
#include "mpc/ot/matrix_product.h"
#include "ot_two_party.h"

namespace hush::mpc {
namespace {

using test::OtParties;
using test::random_words;

constexpr auto kExtension = OtExtension::kSoftSpoken4;

void check_product(OtParties& parties, MatrixShape shape, unsigned width, unsigned bits) {
  const std::vector<std::uint64_t> a = random_words(shape.rows * shape.inner, 1);
  const std::vector<std::uint64_t> b = random_words(shape.inner * shape.columns, 2);
  std::vector<std::uint64_t> sent(shape.rows * shape.columns, 7);
  std::vector<std::uint64_t> got(shape.rows * shape.columns, 7);
  const OtCost cost =
      parties.run_ot([&](OtSender& s) { matrix_product_send(s, shape, width, bits, b, sent); },
                     [&](OtReceiver& r) { matrix_product_receive(r, shape, width, bits, a, got); });
  EXPECT_EQ(cost, matrix_product_cost(kExtension, shape, width, bits));
  for (std::size_t i = 0; i < shape.rows; ++i)
    for (std::size_t l = 0; l < shape.columns; ++l) {
      std::uint64_t expected = 0;
      for (std::size_t t = 0; t < shape.inner; ++t)
        expected += (a[i * shape.inner + t] & low_bits(bits)) * b[t * shape.columns + l];
      const std::size_t index = i * shape.columns + l;
      ASSERT_EQ((sent[index] + got[index]) & low_bits(width), expected & low_bits(width))
          << shape.rows << "x" << shape.inner << "x" << shape.columns << " width " << width
          << " bits " << bits << " row " << i << " column " << l;
      ASSERT_EQ((sent[index] | got[index]) & ~low_bits(width), 0U);
    }
}

TEST(MatrixProduct, OddShapesAndWidths) {
  OtParties parties(kExtension);
  const MatrixShape shapes[] = {{1, 1, 1},   {3, 5, 7},   {1, 9, 2},
                                {20, 13, 1}, {2, 1, 129}, {8, 40, 3}};
  for (const MatrixShape shape : shapes) {
    check_product(parties, shape, 64, 64);
    check_product(parties, shape, 64, 1);
    check_product(parties, shape, 33, 17);
    check_product(parties, shape, 1, 1);
  }
}

TEST(MatrixProduct, WideEnoughForSeveralBatches) {
  OtParties parties(kExtension);
  check_product(parties, {1, 70, 4000}, 64, 64);  // 1 MB of replies for an element of A
  EXPECT_GT(matrix_product_cost(kExtension, {1, 70, 4000}, 64, 64).rounds, 2U);
}

TEST(MatrixProduct, EmptyMatricesCostNothing) {
  OtParties parties(kExtension);
  for (const MatrixShape shape : {MatrixShape{0, 3, 2}, MatrixShape{2, 0, 3}, MatrixShape{2, 3, 0}})
    check_product(parties, shape, 64, 64);
  EXPECT_EQ(matrix_product_cost(kExtension, {2, 3, 0}, 64, 64), OtCost{});
}

TEST(MatrixProduct, BytesAreAsDerived) {
  const OtCost cost = matrix_product_cost(kExtension, {4, 32, 64}, 64, 64);
  EXPECT_EQ(cost.sender_bytes, 260U * 4 * 32 * 64);
  EXPECT_EQ(cost.receiver_bytes, 4U * 64 * 4 * 32);  // 64 transfers for each element of A alone
}

TEST(MatrixProduct, SharesLookUniform) {
  OtParties parties(kExtension);
  const MatrixShape shape{64, 4, 128};
  const std::vector<std::uint64_t> a(shape.rows * shape.inner);  // zeros times zeros
  const std::vector<std::uint64_t> b(shape.inner * shape.columns);
  std::vector<std::uint64_t> sent(shape.rows * shape.columns);
  std::vector<std::uint64_t> got(sent.size());
  parties.run_ot([&](OtSender& s) { matrix_product_send(s, shape, 64, 64, b, sent); },
                 [&](OtReceiver& r) { matrix_product_receive(r, shape, 64, 64, a, got); });
  test::expect_uniform(std::as_bytes(std::span(sent)));
  test::expect_uniform(std::as_bytes(std::span(got)));
}

TEST(MatrixProduct, RefusesSizesThatDoNotFit) {
  OtParties parties(kExtension);
  std::vector<std::uint64_t> words(6);
  EXPECT_THROW(matrix_product_send(*parties.ot_sender, {2, 3, 3}, 64, 64, words, words),
               ArgumentError);
  EXPECT_THROW(matrix_product_cost(kExtension, {2, 3, 3}, 8, 9), ArgumentError);
}

}  // namespace
}  // namespace hush::mpc
