// Bit-matrix transposition and bit packing against their definitions.
#include <gtest/gtest.h>

#include <vector>

#include "mpc/ot/bit_packing.h"
#include "mpc/ot/transpose.h"
#include "ot_two_party.h"

namespace hush::mpc {
namespace {

TEST(Transpose, EveryWidthMatchesTheDefinition) {
  constexpr std::size_t kGroups = 3;
  constexpr std::size_t kRows = kGroups * kTransposeGroup;
  constexpr std::size_t kStride = kRows / 128 + 1;
  std::vector<Block> columns(128 * kStride);
  Generator generator = Generator::deterministic_for_tests(1);
  generator.fill(std::span(columns));
  std::vector<Block> expected(kRows);
  for (std::size_t i = 0; i < kRows; ++i)
    for (unsigned j = 0; j < 128; ++j) {
      const bool bit = columns[j * kStride + i / 128].bit(static_cast<unsigned>(i % 128));
      (j < 64 ? expected[i].lo : expected[i].hi) |= static_cast<std::uint64_t>(bit) << (j % 64);
    }
  std::vector<Block> rows(kRows);
  transpose_columns(columns.data(), kStride, kGroups, rows.data());
  EXPECT_EQ(rows, expected);
  ASSERT_NE(find_transpose(128), nullptr);
  for (const unsigned vector_bits : {128, 256, 512}) {
    const TransposeFunction transpose = find_transpose(vector_bits);
    if (transpose == nullptr) continue;  // this processor has no such vectors
    std::vector<Block> got(kRows);
    transpose(columns.data(), kStride, kGroups, got.data());
    EXPECT_EQ(got, expected) << vector_bits;
  }
}

TEST(BitPacking, EveryWidthAndOddCountsRoundTrip) {
  for (unsigned width = 1; width <= 64; ++width)
    for (const std::size_t count : {0, 1, 2, 3, 7, 63, 64, 65, 1000}) {
      const std::vector<std::uint64_t> values = test::random_words(count, width);
      const std::size_t bytes = packed_bytes(count, width);
      ASSERT_EQ(bytes, (count * width + 7) / 8);
      std::vector<std::byte> packed(bytes + 1, std::byte{0xa5});
      pack_values(values, width, packed.data());
      EXPECT_EQ(packed[bytes], std::byte{0xa5}) << "wrote beyond the end";
      for (std::size_t bit = 0; bit < 8 * bytes; ++bit) {
        const bool expected =
            bit < count * width && (values[bit / width] >> (bit % width) & 1) != 0;
        ASSERT_EQ((static_cast<unsigned>(packed[bit / 8]) >> (bit % 8) & 1) != 0, expected)
            << "width " << width << " bit " << bit;
      }
      packed.resize(bytes);  // so that a sanitizer sees any read beyond
      packed.shrink_to_fit();
      std::vector<std::uint64_t> back(count);
      unpack_values(packed.data(), width, back);
      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(back[i], values[i] & low_bits(width)) << width << " " << i;
    }
}

TEST(BitPacking, FirstBitsOfOddCounts) {
  for (const std::size_t count : {1, 63, 64, 65, 200}) {
    std::vector<Block> blocks(count);
    Generator generator = Generator::deterministic_for_tests(count);
    generator.fill(std::span(blocks));
    std::vector<std::uint64_t> bits(bit_words(count), ~std::uint64_t{0});
    first_bits(blocks, bits.data());
    for (std::size_t i = 0; i < 64 * bits.size(); ++i)
      EXPECT_EQ(bit_at(bits, i), i < count ? blocks[i].lo & 1 : 0) << i;
  }
}

TEST(BitPacking, TransposeWordsMatchesTheDefinition) {
  const std::vector<std::uint64_t> in = test::random_words(64, 9);
  std::uint64_t out[64];
  std::copy(in.begin(), in.end(), out);
  transpose_words(out);
  for (unsigned i = 0; i < 64; ++i)
    for (unsigned j = 0; j < 64; ++j) ASSERT_EQ(out[j] >> i & 1, in[i] >> j & 1) << i << " " << j;
}

}  // namespace
}  // namespace hush::mpc
