// Convolutions over the ring with weights kept in panels.
#include "core/ring_panels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/backend.h"

namespace hush {
namespace {

Tensor any_bits(const Shape& shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const Tensor t = Tensor::empty(shape, DType::ring64);
  for (Ring& v : t.values<Ring>()) v = random();
  return t;
}

TEST(RingPanels, GiveWhatTheBackendGivesForAnyImage) {
  struct Case {
    ConvOptions options;
    Shape w;
    std::int64_t channels;
  };
  const Case cases[] = {{{2, 1, 1}, {3, 3, 20, 36}, 20},
                        {{1, 0, 1}, {1, 1, 64, 128}, 64},
                        {{1, 1, 2}, {3, 3, 4, 6}, 8},
                        {{1, 2, 1}, {5, 5, 3, 7}, 3}};
  for (const Case& c : cases) {
    const Tensor w = any_bits(c.w, 2);
    const RingPanelWeights kept(c.options, w);
    for (const std::int64_t rows : {1, 3}) {
      const Tensor x = any_bits({rows, 9, 6, c.channels}, 3);
      const Shape shape = {rows, c.options.output(9, int(c.w[0])), c.options.output(6, int(c.w[1])),
                           c.w[3]};
      const Tensor expected = Tensor::empty(shape, DType::ring64);
      const Tensor actual = Tensor::empty(shape, DType::ring64);
      backend({}).conv2d(c.options, x, w, {}, expected);
      kept.convolve(x, actual);
      EXPECT_TRUE(std::ranges::equal(actual.values<Ring>(), expected.values<Ring>()));
      const Tensor addend = any_bits(shape, 4);
      kept.convolve(x, actual, addend);
      for (std::size_t i = 0; i < actual.values<Ring>().size(); ++i)
        ASSERT_EQ(actual.values<Ring>()[i], expected.values<Ring>()[i] + addend.values<Ring>()[i]);
    }
  }
}

TEST(RingPanels, RefuseWhatDoesNotFit) {
  const RingPanelWeights kept({1, 1, 1}, any_bits({3, 3, 4, 8}, 1));
  const Tensor x = any_bits({1, 5, 5, 4}, 2);
  const Tensor y = Tensor::empty({1, 5, 5, 8}, DType::ring64);
  EXPECT_NO_THROW(kept.convolve(x, y));
  EXPECT_THROW(kept.convolve(any_bits({1, 5, 5, 3}, 2), y), ArgumentError);
  EXPECT_THROW(kept.convolve(x, Tensor::empty({1, 5, 4, 8}, DType::ring64)), ArgumentError);
  EXPECT_THROW(kept.convolve(x, y, x), ArgumentError);
  EXPECT_THROW(RingPanelWeights({1, 1, 1}, Tensor::empty({3, 3, 4, 8}, DType::float32)),
               ArgumentError);
}

TEST(RingPanels, WipedWeightsAreZero) {
  RingPanelWeights kept({1, 1, 1}, any_bits({3, 3, 4, 8}, 1));
  RingPanelWeights moved = std::move(kept);
  kept.wipe();  // NOLINT(bugprone-use-after-move): must be harmless
  moved.wipe();
  const Tensor y = any_bits({1, 5, 5, 8}, 3);
  moved.convolve(any_bits({1, 5, 5, 4}, 2), y);
  EXPECT_TRUE(std::ranges::all_of(y.values<Ring>(), [](Ring v) { return v == 0; }));
}

}  // namespace
}  // namespace hush
