// The distributed comparison function against its definition, on every instruction set.
#include "mpc/dcf/dcf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <vector>

#include "mpc/dcf/walk.h"
#include "mpc/ot/generator.h"

namespace hush::mpc {
namespace {

struct Keys {
  DcfShape shape;
  Block hash_key;
  std::vector<Ring> alphas, betas;
  std::vector<Block> roots[2];
  std::vector<Block> corrections;

  Keys(DcfShape dcf_shape, std::vector<Ring> secret_alphas, std::uint64_t label)
      : shape(dcf_shape), alphas(std::move(secret_alphas)) {
    Generator generator = Generator::deterministic_for_tests(label);
    hash_key = generator.next_block();
    for (auto& root : roots) {
      root.resize(dcf_root_blocks(alphas.size()));
      generator.fill(std::span(root));
    }
    betas.resize(2 * shape.value_blocks * alphas.size());
    generator.fill(std::span(betas));
    corrections.resize(dcf_correction_blocks(shape, alphas.size()));
    dcf_generate(shape, hash_key, alphas, betas, roots[0], roots[1], corrections);
  }
  DcfBatch batch() const { return {shape, alphas.size(), hash_key, corrections}; }

  std::vector<std::uint64_t> bits(int party, const std::vector<Ring>& points) const {
    std::vector<std::uint64_t> bits(bit_words(points.size()));
    dcf_evaluate_bits(batch(), party, roots[party], points, bits);
    return bits;
  }
  std::vector<Ring> values(int party, const std::vector<Ring>& points) const {
    std::vector<Ring> values(betas.size());
    dcf_evaluate_values(batch(), party, roots[party], points, values);
    return values;
  }

  // Compares the sum of both shares at these points with the definition.
  void check(const std::vector<Ring>& points) const {
    const Ring low = (Ring{1} << shape.domain_bits) - 1;
    if (shape.value_blocks == 0) {
      const auto bits0 = bits(0, points);
      const auto bits1 = bits(1, points);
      for (std::size_t i = 0; i < points.size(); ++i)
        ASSERT_EQ(bit_at(bits0, i) ^ bit_at(bits1, i), Ring{(points[i] & low) < alphas[i]})
            << "alpha " << alphas[i] << " point " << points[i];
      return;
    }
    const auto values0 = values(0, points);
    const auto values1 = values(1, points);
    const unsigned lanes = 2 * shape.value_blocks;
    for (std::size_t i = 0; i < values0.size(); ++i) {
      const Ring point = points[i / lanes] & low;
      ASSERT_EQ(values0[i] + values1[i], point < alphas[i / lanes] ? betas[i] : 0)
          << "alpha " << alphas[i / lanes] << " point " << point << " lane " << i % lanes;
    }
  }
};

std::vector<Ring> random_words(std::size_t count, std::uint64_t label) {
  std::vector<Ring> words(count);
  Generator generator = Generator::deterministic_for_tests(label);
  generator.fill(std::span(words));
  return words;
}

class DcfShapes : public testing::TestWithParam<DcfShape> {};

// Every pair of the whole domain of 8 bits.
TEST_P(DcfShapes, IsExactOnAWholeSmallDomain) {
  DcfShape shape = GetParam();
  shape.domain_bits = 8;
  std::vector<Ring> alphas(256);
  for (std::size_t i = 0; i < alphas.size(); ++i) alphas[i] = i;
  const Keys keys(shape, alphas, 1);
  for (Ring x = 0; x < 256; ++x) keys.check(std::vector<Ring>(alphas.size(), x));
}

TEST_P(DcfShapes, IsExactAtRandomAndNeighbouringPoints) {
  const DcfShape shape = GetParam();
  for (const std::size_t count : {1u, 31u, 32u, 33u, 1000u}) {
    std::vector<Ring> alphas = random_words(count, count);
    for (Ring& alpha : alphas) alpha &= (Ring{1} << shape.domain_bits) - 1;
    alphas[0] = 0;
    if (count > 1) alphas[1] = (Ring{1} << shape.domain_bits) - 1;
    const Keys keys(shape, alphas, 2);
    keys.check(random_words(count, 3));
    for (const Ring distance : {Ring{0}, Ring{1}, ~Ring{0}, Ring{128}, Ring{0} - 128}) {
      std::vector<Ring> points = alphas;
      for (Ring& point : points) point += distance;
      keys.check(points);
    }
  }
}

TEST_P(DcfShapes, KeysHaveTheDocumentedSize) {
  const DcfShape shape = GetParam();
  const std::size_t n = shape.domain_bits;
  const std::size_t v = shape.value_blocks;
  EXPECT_EQ(shape.blocks_per_key(), v == 0 ? n - 6 : n * (1 + v) + v);
}

// One key alone shows nothing: its value at a point does not depend on the order of the two, and
// over many keys is as often 0 as 1.
TEST(Dcf, OneShareOfABitIsBalanced) {
  constexpr std::size_t kCount = 20000;
  const Keys keys({63, 0}, std::vector<Ring>(kCount, 1000), 4);
  for (int party = 0; party < 2; ++party)
    for (const Ring point : {Ring{0}, Ring{5000}}) {
      const auto bits = keys.bits(party, std::vector<Ring>(kCount, point));
      int ones = 0;
      for (const auto word : bits) ones += std::popcount(word);
      EXPECT_NEAR(ones, kCount / 2, 5 * std::sqrt(kCount) / 2) << "party " << party;
    }
}

TEST_P(DcfShapes, AllInstructionSetsWalkAlike) {
  const DcfShape shape = GetParam();
  AesKey key;
  aes_kernels().expand({1, 2}, key);
  Generator generator = Generator::deterministic_for_tests(5);
  std::vector<Block> points(kDcfStrip);
  std::vector<Block> roots(kDcfStrip);
  std::vector<Block> corrections(shape.blocks_per_key() * kDcfStrip);
  generator.fill(std::span(points));
  generator.fill(std::span(roots));
  generator.fill(std::span(corrections));
  for (Block& point : points) point = {point.lo & ((Ring{1} << shape.domain_bits) - 1), 0};
  for (Block& root : roots) root.lo &= ~Ring{6};

  const auto walked = [&](DcfWalkFunction walk) {
    std::vector<Block> result(kDcfStrip * (1 + shape.final_blocks()));
    std::copy(roots.begin(), roots.end(), result.begin());
    walk(
        {&key, shape, points.data(), corrections.data(), result.data(), result.data() + kDcfStrip});
    if (shape.value_blocks == 0)  // only bit 2 of the sums means something
      for (std::size_t i = kDcfStrip; i < result.size(); ++i) result[i] = {result[i].lo & 4, 0};
    return result;
  };
  const auto expected = walked(find_dcf_walk(AesPath::kPortable));
  for (const AesPath path : {AesPath::kAesNi, AesPath::kVaes256, AesPath::kVaes512}) {
    const DcfWalkFunction walk = find_dcf_walk(path);
    if (walk == nullptr) {
      std::printf("[  NOTE    ] this machine lacks instruction set %d; not compared\n", int(path));
      continue;
    }
    EXPECT_TRUE(walked(walk) == expected) << "instruction set " << int(path);
  }
}

TEST(Dcf, RefusesWhatDoesNotFit) {
  EXPECT_THROW((DcfShape{7, 0}.check()), ArgumentError);
  EXPECT_THROW((DcfShape{64, 0}.check()), ArgumentError);
  EXPECT_THROW((DcfShape{63, 3}.check()), ArgumentError);
  EXPECT_THROW(Keys({8, 0}, {256}, 1), ArgumentError);  // alpha outside the domain
  const Keys keys({63, 0}, {1, 2, 3}, 1);
  std::vector<std::uint64_t> bits(1);
  EXPECT_THROW(dcf_evaluate_bits(keys.batch(), 0, keys.roots[0], std::vector<Ring>(2), bits),
               ArgumentError);
}

INSTANTIATE_TEST_SUITE_P(All, DcfShapes,
                         testing::Values(DcfShape{63, 0}, DcfShape{31, 0}, DcfShape{15, 0},
                                         DcfShape{63, 1}, DcfShape{31, 1}, DcfShape{63, 2}),
                         [](const auto& shape) {
                           return fmt::format("bits{}blocks{}", shape.param.domain_bits,
                                              shape.param.value_blocks);
                         });

}  // namespace
}  // namespace hush::mpc
