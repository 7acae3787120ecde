// Convolutions whose weights are kept in the device's own order: the values of conv2d.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/ops/convolution.h"
#include "core/random.h"

namespace hush {
namespace {

Tensor normals(const Shape& shape, std::uint64_t seed) {
  Tensor t = Tensor::empty(shape, DType::float32);
  RandomStream stream(seed, RandomUse::test);
  for (float& x : t.values<float>()) x = stream.normal();
  return t;
}

Tensor ring_numbers(const Shape& shape, std::uint64_t seed) {
  Tensor t = Tensor::empty(shape, DType::ring64);
  RandomStream stream(seed, RandomUse::test);
  for (Ring& x : t.values<Ring>()) x = Ring(stream.next()) << 32 | stream.next();
  return t;
}

struct Case {
  ConvOptions options;
  Shape x, w;
};

// Winograd's planes, panels of few and of many points, strides, groups, depthwise, odd channels.
std::vector<Case> cases() {
  return {{{1, 1, 1}, {1, 16, 16, 32}, {3, 3, 32, 48}}, {{1, 1, 1}, {1, 4, 4, 64}, {3, 3, 64, 64}},
          {{1, 1, 1}, {3, 9, 7, 5}, {3, 3, 5, 11}},     {{2, 0, 1}, {2, 8, 8, 32}, {1, 1, 32, 64}},
          {{2, 1, 2}, {1, 7, 7, 8}, {3, 3, 4, 6}},      {{1, 1, 8}, {2, 6, 6, 8}, {3, 3, 1, 8}}};
}

Tensor result_for(const Case& c, DType dtype) {
  return Tensor::empty(Conv2d(c.options).output_shape(std::vector{c.x, c.w}), dtype);
}

TEST(FixedConvolution, GivesWhatTheConvolutionGives) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.x.text() + " * " + c.w.text());
    const Tensor x = normals(c.x, 1), w = normals(c.w, 2), bias = normals({c.w[3]}, 3);
    const Tensor want = result_for(c, DType::float32), got = result_for(c, DType::float32);
    const Tensor residual = normals(want.shape(), 4);
    const ConvEpilogue epilogue{.bias = bias, .residual = residual, .relu = true};
    backend({}).conv2d(c.options, x, w, epilogue, want);
    const auto fixed = backend({}).fix_weights(c.options, c.x, w);
    for (int call = 0; call < 2; ++call) {
      fixed->run(x, epilogue, got);
      EXPECT_THAT(got.values<float>(),
                  testing::Pointwise(testing::FloatNear(2e-4f), want.values<float>()));
    }
  }
}

TEST(FixedConvolution, IsExactOverTheRing) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.x.text() + " * " + c.w.text());
    const Tensor x = ring_numbers(c.x, 1), w = ring_numbers(c.w, 2);
    const Tensor want = result_for(c, DType::ring64), got = result_for(c, DType::ring64);
    backend({}).conv2d(c.options, x, w, {}, want);
    backend({}).fix_weights(c.options, c.x, w)->run(x, {}, got);
    EXPECT_THAT(got.values<Ring>(), testing::ElementsAreArray(want.values<Ring>()));
  }
}

TEST(FixedConvolution, RefusesOtherImages) {
  const auto fixed = backend({}).fix_weights({1, 1, 1}, {1, 4, 4, 16}, normals({3, 3, 16, 16}, 1));
  EXPECT_THROW(fixed->run(normals({2, 4, 4, 16}, 2), {}, normals({2, 4, 4, 16}, 3)), Error);
  EXPECT_THROW(backend({}).fix_weights({1, 1, 1}, {1, 4, 4, 16}, normals({3, 3, 8, 16}, 1)), Error);
}

// The op keeps the weights of its last call: other batch sizes and other weights must not see them.
TEST(FixedConvolution, OpFollowsShapeAndWeight) {
  const Conv2d op({1, 1, 1}, {.fixed_weight = true}), plain({1, 1, 1});
  std::vector<Tensor> saved;
  for (const std::uint64_t seed : {1, 2}) {
    const Tensor w = normals({3, 3, 16, 16}, seed);
    for (const std::int64_t batch : {1, 3, 1}) {
      const std::vector<Tensor> inputs{normals({batch, 5, 5, 16}, 3), w};
      const Tensor got = op.forward({}, inputs, saved), want = plain.forward({}, inputs, saved);
      EXPECT_THAT(got.values<float>(),
                  testing::Pointwise(testing::FloatNear(2e-4f), want.values<float>()));
    }
  }
}

}  // namespace
}  // namespace hush
