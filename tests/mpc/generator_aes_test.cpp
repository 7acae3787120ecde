// The AES kernels: known answers, and every instruction set against the portable one.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "mpc/ot/aes.h"
#include "mpc/ot/generator.h"
#include "mpc/ot/hash.h"

namespace hush::mpc {
namespace {

Block from_hex(const char* hex) {
  unsigned char bytes[16];
  for (unsigned i = 0; i < 16; ++i) {
    unsigned value = 0;
    EXPECT_EQ(std::sscanf(hex + 2 * i, "%2x", &value), 1);
    bytes[i] = static_cast<unsigned char>(value);
  }
  Block block;
  std::memcpy(static_cast<void*>(&block), bytes, sizeof block);
  return block;
}

// AES of one block, through the hash: MMO(x) = AES(x) ^ x.
Block encrypt(const AesKernels& kernels, Block key, Block x) {
  AesKey expanded;
  kernels.expand(key, expanded);
  Block out;
  kernels.mmo(expanded, &x, Block{}, &out, 1);
  return out ^ x;
}

std::vector<Block> random_blocks(std::size_t count, std::uint64_t label) {
  std::vector<Block> blocks(count);
  Generator generator = Generator::deterministic_for_tests(label);
  generator.fill(std::span(blocks));
  return blocks;
}

class AesPaths : public testing::TestWithParam<AesPath> {
 protected:
  void SetUp() override {
    kernels_ = find_aes_kernels(GetParam());
    if (kernels_ == nullptr) GTEST_SKIP() << "this processor lacks the instruction set";
    kernels_->expand(kKey, key_);
    find_aes_kernels(AesPath::kPortable)->expand(kKey, portable_key_);
  }

  static constexpr Block kKey{0x0123456789abcdef, 0xfedcba9876543210};
  static constexpr std::size_t kSizes[] = {0,  1,  2,  7,  8,  9,   15,  16,  17,
                                           31, 32, 33, 63, 64, 100, 257, 1000};
  const AesKernels* kernels_ = nullptr;
  const AesKernels& portable_ = *find_aes_kernels(AesPath::kPortable);
  AesKey key_;
  AesKey portable_key_;
};

TEST_P(AesPaths, MatchesFips197AppendixC) {
  EXPECT_EQ(encrypt(*kernels_, from_hex("000102030405060708090a0b0c0d0e0f"),
                    from_hex("00112233445566778899aabbccddeeff")),
            from_hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
}

TEST_P(AesPaths, MatchesFips197AppendixB) {
  EXPECT_EQ(encrypt(*kernels_, from_hex("2b7e151628aed2a6abf7158809cf4f3c"),
                    from_hex("3243f6a8885a308d313198a2e0370734")),
            from_hex("3925841d02dc09fbdc118597196a0b32"));
}

TEST_P(AesPaths, ExpandsTheKeyOfFips197AppendixA) {
  const Block key = from_hex("2b7e151628aed2a6abf7158809cf4f3c");
  AesKey expanded;
  kernels_->expand(key, expanded);
  EXPECT_EQ(expanded.round[0], key);
  if (GetParam() == AesPath::kPortable) return;  // OpenSSL keeps its own round keys
  EXPECT_EQ(expanded.round[1], from_hex("a0fafe1788542cb123a339392a6c7605"));
  EXPECT_EQ(expanded.round[10], from_hex("d014f9a8c9ee2589e13f0cc8b6630ca6"));
}

TEST_P(AesPaths, CounterIsAesOfTheCounter) {
  for (const std::size_t size : kSizes) {
    const std::uint64_t first = 0xffffffff - 5;  // carries across 32 bits
    std::vector<Block> out(size + 1, Block{7, 7});
    kernels_->counter(key_, first, out.data(), size);
    for (std::size_t i = 0; i < size; ++i)
      ASSERT_EQ(out[i], encrypt(portable_, kKey, Block{first + i, 0})) << size << " " << i;
    EXPECT_EQ(out[size], (Block{7, 7})) << "wrote beyond the end";
  }
}

TEST_P(AesPaths, MmoMatchesItsDefinition) {
  const Block offset{11, 13};
  for (const std::size_t size : kSizes) {
    const std::vector<Block> in = random_blocks(size, 1);
    std::vector<Block> out(size + 1);
    kernels_->mmo(key_, in.data(), offset, out.data(), size);
    for (std::size_t i = 0; i < size; ++i) {
      const Block x = in[i] ^ offset;
      ASSERT_EQ(out[i], encrypt(portable_, kKey, x) ^ x) << size << " " << i;
    }
    EXPECT_EQ(out[size], Block{});
    std::vector<Block> in_place = in;
    kernels_->mmo(key_, in_place.data(), offset, in_place.data(), size);
    out.resize(size);
    EXPECT_EQ(in_place, out);
  }
}

template <unsigned kDepth>
void check_fold(const AesKernels& kernels, bool punctured) {
  constexpr std::size_t kUnits = 2;
  constexpr std::size_t kBlocks = kUnits * kFoldUnit;
  constexpr std::size_t kStride = kBlocks + 4;
  constexpr std::size_t kLeaves = std::size_t{1} << kDepth;
  const AesKernels& portable = *find_aes_kernels(AesPath::kPortable);
  const std::vector<Block> seeds = random_blocks(kLeaves, 3);
  std::vector<AesKey> keys(kLeaves);
  std::vector<Block> sum(kBlocks);
  std::vector<Block> planes(kDepth * kStride);
  std::vector<Block> stream(kBlocks);
  for (std::size_t x = 0; x < kLeaves; ++x) {
    portable.expand(seeds[x], keys[x]);
    portable.counter(keys[x], 96, stream.data(), kBlocks);
    for (std::size_t i = 0; i < kBlocks; ++i) {
      sum[i] ^= stream[i];
      for (unsigned j = 0; j < kDepth; ++j)
        if ((x >> j & 1) != 0) planes[j * kStride + i] ^= stream[i];
    }
    kernels.expand(punctured && x == 0 ? Block{} : seeds[x], keys[x]);
  }
  std::vector<Block> got_sum(kBlocks);
  std::vector<Block> got_planes(planes.size());
  kernels.fold<kDepth>()(keys.data(), 96, kUnits, punctured ? nullptr : got_sum.data(),
                         got_planes.data(), kStride);
  EXPECT_EQ(got_planes, planes) << "depth " << kDepth;
  if (!punctured) {
    EXPECT_EQ(got_sum, sum) << "depth " << kDepth;
  }
}

TEST_P(AesPaths, FoldMatchesItsDefinition) {
  for (const bool punctured : {false, true}) {
    check_fold<1>(*kernels_, punctured);
    check_fold<2>(*kernels_, punctured);
    check_fold<4>(*kernels_, punctured);
    check_fold<8>(*kernels_, punctured);
  }
}

std::string path_name(const testing::TestParamInfo<AesPath>& info) {
  constexpr const char* kNames[] = {"portable", "aes_ni", "vaes_256", "vaes_512"};
  return kNames[static_cast<unsigned>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(All, AesPaths,
                         testing::Values(AesPath::kPortable, AesPath::kAesNi, AesPath::kVaes256,
                                         AesPath::kVaes512),
                         path_name);

TEST(CorrelationRobustHash, IsKeyedBySessionAndBatch) {
  const std::vector<Block> x = random_blocks(3, 4);
  const Block session{5, 6};
  const AesKernels& portable = *find_aes_kernels(AesPath::kPortable);
  CorrelationRobustHash hash(session);
  std::vector<Block> out(3);
  for (const std::uint64_t batch : {0, 1, 1000}) {
    hash.start_batch(batch);
    hash.hash(x, Block{1, 2}, out);
    const Block input = x[2] ^ Block { 1, 2 };
    EXPECT_EQ(out[2], encrypt(portable, session ^ Block{batch, 0}, input) ^ input);
  }
}

TEST(CorrelationRobustHash, ExpandIsTmmo) {
  const Block session{5, 6};
  const AesKernels& portable = *find_aes_kernels(AesPath::kPortable);
  CorrelationRobustHash hash(session);
  hash.start_batch(9);
  const Block key = session ^ Block { 9, 0 };
  const Block offset{3, 4};
  for (const std::size_t size : {1, 2, 31, 100}) {
    const std::vector<Block> x = random_blocks(size, 5);
    std::vector<Block> permuted(size);
    hash.permute(x, offset, permuted);
    std::vector<Block> pads(size);
    hash.expand(permuted.back(), pads);
    const Block y = encrypt(portable, key, x.back() ^ offset);
    EXPECT_EQ(permuted.back(), y);
    for (std::uint64_t i = 0; i < size; ++i)
      ASSERT_EQ(pads[i], encrypt(portable, key, y ^ Block{i, 0}) ^ y) << i;
  }
}

}  // namespace
}  // namespace hush::mpc
