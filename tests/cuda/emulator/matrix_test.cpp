// The emulated tensor-core instructions against the PTX ISA: which element of which matrix a lane's
// registers hold, written down per element type as it is there; rounding; and misuse.
#include "cuda/emulator/matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "cuda/kernels/mma.cuh"
#include "cuda/kernels/product_launch.cuh"

namespace hush::cuda {
namespace {

using emulator::DeviceError;

struct Place {
  int row, column;
};

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type" (bf16), "… m16n8k8 …"
// (tf32), "… m16n8k32" (integers): element i of a lane's part of A, B and C.
struct Layout {
  int k, a_elements, b_elements;
  std::function<Place(int group, int thread, int i)> a, b;
};

Place place_of_c(int group, int thread, int i) {
  return {i < 2 ? group : group + 8, thread * 2 + (i & 1)};
}

const Layout kBf16Layout = {16, 8, 4,
                            [](int group, int thread, int i) -> Place {
                              return {(i < 2 || (i >= 4 && i < 6)) ? group : group + 8,
                                      thread * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
                            },
                            [](int group, int thread, int i) -> Place {
                              return {thread * 2 + (i & 1) + (i >= 2 ? 8 : 0), group};
                            }};
const Layout kTf32Layout = {8, 4, 2,
                            [](int group, int thread, int i) -> Place {
                              return {i % 2 == 0 ? group : group + 8, i < 2 ? thread : thread + 4};
                            },
                            [](int group, int thread, int i) -> Place {
                              return {i == 0 ? thread : thread + 4, group};
                            }};
const Layout kBytesLayout = {32, 16, 8,
                             [](int group, int thread, int i) -> Place {
                               return {(i < 4 || (i >= 8 && i < 12)) ? group : group + 8,
                                       thread * 4 + (i & 3) + (i >= 8 ? 16 : 0)};
                             },
                             [](int group, int thread, int i) -> Place {
                               return {thread * 4 + (i & 3) + (i >= 4 ? 16 : 0), group};
                             }};

// Small integers that all three types hold exactly.
int a_at(Place p) {
  return (p.row * 7 + p.column * 3) % 11;
}
int b_at(Place p) {
  return (p.row * 5 + p.column * 13) % 9;
}

std::uint32_t word_of(const std::vector<std::uint32_t>& elements, int per_word, int word) {
  std::uint32_t result = 0;
  for (int i = 0; i < per_word; ++i)
    result |= elements[std::size_t(word * per_word + i)] << (32 / per_word * i);
  return result;
}

// Multiplies with `mma` in one warp: 1 + A B, from fragments as the layout says.
template <class Sum>
void expect_product(const Layout& layout, const std::function<std::uint32_t(int)>& encoded,
                    void (*mma)(Sum (&)[4], const std::uint32_t (&)[4], const std::uint32_t (&)[2],
                                emulator::Site)) {
  std::vector<Sum> c(16 * 8);
  emulator::run(dim3(1), dim3(32), [&] {
    const int group = int(threadIdx.x) / 4, thread = int(threadIdx.x) % 4;
    std::vector<std::uint32_t> a, b;
    for (int i = 0; i < layout.a_elements; ++i)
      a.push_back(encoded(a_at(layout.a(group, thread, i))));
    for (int i = 0; i < layout.b_elements; ++i)
      b.push_back(encoded(b_at(layout.b(group, thread, i))));
    const int per_word = layout.a_elements / 4;
    const std::uint32_t left[4] = {word_of(a, per_word, 0), word_of(a, per_word, 1),
                                   word_of(a, per_word, 2), word_of(a, per_word, 3)};
    const std::uint32_t right[2] = {word_of(b, per_word, 0), word_of(b, per_word, 1)};
    Sum sums[4] = {1, 1, 1, 1};
    mma(sums, left, right, emulator::Site::current());
    for (int i = 0; i < 4; ++i) {
      const Place p = place_of_c(group, thread, i);
      c[std::size_t(p.row * 8 + p.column)] = sums[i];
    }
  });
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      int expected = 1;
      for (int k = 0; k < layout.k; ++k) expected += a_at({row, k}) * b_at({k, column});
      EXPECT_EQ(c[std::size_t(row * 8 + column)], Sum(expected)) << row << ", " << column;
    }
}

class EmulatedMatrix : public testing::TestWithParam<emulator::Order> {
 protected:
  void SetUp() override { emulator::set_order(GetParam()); }
  void TearDown() override { emulator::set_order(emulator::Order::ascending); }
};

TEST_P(EmulatedMatrix, FragmentsLieAsThePtxIsaSays) {
  expect_product<float>(
      kBf16Layout, [](int x) { return std::bit_cast<std::uint32_t>(float(x)) >> 16; }, mma_bf16);
  expect_product<float>(
      kTf32Layout, [](int x) { return std::bit_cast<std::uint32_t>(float(x)); }, mma_tf32);
  expect_product<std::uint32_t>(
      kBytesLayout, [](int x) { return std::uint32_t(x); }, mma_u8);
}

INSTANTIATE_TEST_SUITE_P(Orders, EmulatedMatrix,
                         testing::Values(emulator::Order::ascending, emulator::Order::descending,
                                         emulator::Order::shuffled));

TEST(EmulatedRounding, Bf16IsTheNearestAndEvenOnTies) {
  const auto rounded = [](float x) { return std::bit_cast<float>(pack_bf16(x, 0) << 16); };
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0x1p-8f), 1.0f);               // a tie; 1 is even
  EXPECT_EQ(rounded(1.0f + 0x3p-8f), 1.0f + 0x1p-6f);     // a tie; the upper one is even
  EXPECT_EQ(rounded(1.0f + 0x1.01p-8f), 1.0f + 0x1p-7f);  // above the tie
  EXPECT_EQ(rounded(-3.14159265f), -3.140625f);
  EXPECT_EQ(rounded(INFINITY), INFINITY);
  EXPECT_EQ(rounded(3.4e38f), INFINITY);
  EXPECT_TRUE(std::isnan(rounded(NAN)));
  EXPECT_EQ(pack_bf16(1, -2), 0xc000'3f80u);  // the first is the low half
}

TEST(EmulatedRounding, Tf32IsTheNearestAndAwayFromZeroOnTies) {
  const auto rounded = [](float x) { return std::bit_cast<float>(round_tf32(x)); };
  EXPECT_EQ(rounded(1.0f + 0x1p-10f), 1.0f + 0x1p-10f);
  EXPECT_EQ(rounded(1.0f + 0x1p-11f), 1.0f + 0x1p-10f);
  EXPECT_EQ(rounded(-1.0f - 0x1p-11f), -1.0f - 0x1p-10f);
  EXPECT_EQ(rounded(1.0f + 0x1.fp-12f), 1.0f);
  EXPECT_EQ(rounded(-INFINITY), -INFINITY);
  EXPECT_TRUE(std::isnan(rounded(NAN)));
}

void multiply_nothing() {
  float c[4] = {};
  const std::uint32_t a[4] = {}, b[2] = {};
  mma_bf16(c, a, b);
}

TEST(EmulatedMatrixMisuse, AbsentLanesAreReported) {
  EXPECT_NO_THROW(emulator::run(dim3(1), dim3(64), multiply_nothing));
  EXPECT_THROW(emulator::run(dim3(1), dim3(40), multiply_nothing), DeviceError);
  EXPECT_THROW(emulator::run(dim3(1), dim3(32),
                             [] {
                               if (threadIdx.x != 3) multiply_nothing();
                             }),
               DeviceError);
}

// A part of a product of bytes must not be deeper than what a sum of 32 bits holds.
TEST(ProductSplits, PartsCoverTheDepthAndAreNotTooDeep) {
  for (const int depth : {0, 1, 255, 256, 1040, 16384, 16385, 1'000'000})
    for (const std::int64_t blocks : {1, 100, 1000}) {
      ProductShape s{1, 1, depth};
      split_depth(s, blocks, LimbTiling::kDepth, LimbTiling::kMaxDepth);
      SCOPED_TRACE(fmt::format("depth {} in {} parts of {}", depth, s.splits, s.depth_per_split));
      EXPECT_LE(s.depth_per_split, LimbTiling::kMaxDepth);
      EXPECT_EQ(s.depth_per_split % LimbTiling::kDepth, 0);
      EXPECT_GE(std::int64_t{s.splits} * s.depth_per_split, depth);
      EXPECT_LT(std::int64_t{s.splits - 1} * s.depth_per_split, std::max(depth, 1));
      EXPECT_EQ(s.splits, depth <= LimbTiling::kMaxDepth && blocks == 1000 ? 1 : s.splits);
    }
}

}  // namespace
}  // namespace hush::cuda
