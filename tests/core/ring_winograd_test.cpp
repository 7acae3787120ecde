// The exact Winograd convolution over the ring, as its users call it.
#include "core/ring_winograd.h"

#include <gmock/gmock.h>
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

TEST(RingWinograd, EqualsFourTimesTheBackendsConvolution) {
  for (const int padding : {0, 1, 2}) {
    const ConvOptions options{1, padding, 1};
    const Tensor x = any_bits({2, 9, 12, 32}, 1), w = any_bits({3, 3, 32, 48}, 2);
    const Shape shape = {2, options.output(9, 3), options.output(12, 3), 48};
    const Tensor direct = Tensor::empty(shape, DType::ring64);
    const Tensor fast = Tensor::empty(shape, DType::ring64);
    backend({}).conv2d(options, x, w, {}, direct);
    ring_winograd_conv2d(options, x, w, fast);
    for (Ring& v : direct.values<Ring>()) v <<= kRingWinogradBits;
    EXPECT_TRUE(std::ranges::equal(fast.values<Ring>(), direct.values<Ring>()))
        << "padding " << padding;
  }
}

TEST(RingWinograd, KeptWeightsGiveTheSameForAnyImage) {
  const Tensor w = any_bits({3, 3, 32, 80}, 2);
  const RingWinogradWeights kept(w);
  for (const std::int64_t height : {4, 7, 12}) {
    const ConvOptions options{1, 1, 1};
    const Tensor x = any_bits({3, height, 6, 32}, std::uint64_t(height));
    const Tensor expected = Tensor::empty({3, height, 6, 80}, DType::ring64);
    const Tensor actual = Tensor::empty({3, height, 6, 80}, DType::ring64);
    ring_winograd_conv2d(options, x, w, expected);
    ring_winograd_conv2d(options, x, kept, actual);
    EXPECT_TRUE(std::ranges::equal(actual.values<Ring>(), expected.values<Ring>()));
    const Tensor addend = any_bits(expected.shape(), 9);
    ring_winograd_conv2d(options, x, kept, actual, addend);
    for (std::size_t i = 0; i < actual.values<Ring>().size(); ++i)
      ASSERT_EQ(actual.values<Ring>()[i], expected.values<Ring>()[i] + addend.values<Ring>()[i]);
    EXPECT_THROW(ring_winograd_conv2d(options, x, kept, actual, x), ArgumentError);
  }
}

TEST(RingWinograd, PaysOnlyWhereItFitsAndTilesAreMany) {
  const ConvOptions same{1, 1, 1};
  EXPECT_TRUE(ring_winograd_pays(same, {1, 32, 32, 64}, {3, 3, 64, 64}));
  EXPECT_FALSE(ring_winograd_pays(same, {1, 4, 4, 512}, {3, 3, 512, 512}));
  EXPECT_TRUE(ring_winograd_pays(same, {1, 4, 4, 512}, {3, 3, 512, 512}, true));
  EXPECT_FALSE(ring_winograd_pays(same, {1, 2, 2, 512}, {3, 3, 512, 512}, true));
  EXPECT_FALSE(ring_winograd_pays(same, {1, 32, 32, 3}, {3, 3, 3, 64}));
  EXPECT_FALSE(ring_winograd_pays({2, 1, 1}, {1, 32, 32, 64}, {3, 3, 64, 64}));
  EXPECT_FALSE(ring_winograd_pays({1, 2, 1}, {1, 32, 32, 64}, {5, 5, 64, 64}));
  EXPECT_FALSE(ring_winograd_pays(same, {1, 32, 32, 64}, {3, 3, 32, 64}));
}

TEST(RingWinograd, GeometriesWithoutItAreRefused) {
  const auto refused = [](const ConvOptions& options, const Tensor& x, const Tensor& w,
                          const Tensor& y, const std::string& part) {
    try {
      ring_winograd_conv2d(options, x, w, y);
      FAIL() << "no error; expected one with: " << part;
    } catch (const ArgumentError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  };
  const Tensor x = any_bits({1, 8, 8, 16}, 1), w = any_bits({3, 3, 16, 16}, 2);
  refused({2, 1, 1}, x, w, any_bits({1, 4, 4, 16}, 3), "no Winograd form");
  refused({1, 1, 1}, x, w, any_bits({1, 8, 8, 15}, 3), "ring_winograd_conv2d: the result");
  const RingWinogradWeights kept(w);
  EXPECT_THROW(ring_winograd_conv2d({1, 1, 1}, any_bits({1, 8, 8, 32}, 1), kept, x), ArgumentError);
  EXPECT_THROW(ring_winograd_conv2d({1, 1, 1}, x, kept, any_bits({1, 8, 9, 16}, 3)), ArgumentError);
  EXPECT_THROW(ring_winograd_conv2d({2, 1, 1}, x, kept, any_bits({1, 4, 4, 16}, 3)), ArgumentError);
  EXPECT_THROW(RingWinogradWeights(any_bits({3, 3, 16, 8}, 1)), ArgumentError);
  EXPECT_THROW(RingWinogradWeights(any_bits({5, 5, 16, 16}, 1)), ArgumentError);
  const Tensor floats = Tensor::zeros({1, 8, 8, 16}, DType::float32);
  refused({1, 1, 1}, floats, Tensor::zeros({3, 3, 16, 16}, DType::float32), floats,
          "no Winograd form");
}

}  // namespace
}  // namespace hush
