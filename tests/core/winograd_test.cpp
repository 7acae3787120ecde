// Winograd's convolution: exact over the ring, within a known rounding error for float.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "core/backend.h"
#include "core/cpu/winograd.h"
#include "core/thread_pool.h"
#include "tests/support/reference_products.h"

namespace hush {
namespace {

using reference::Convolution;

ConvGeometry geometry(const Convolution& c) {
  return {.n = c.n,
          .h = c.h,
          .w = c.w,
          .c = c.c,
          .kh = c.kh,
          .kw = c.kw,
          .k = c.k,
          .oh = c.oh(),
          .ow = c.ow(),
          .stride = c.options.stride,
          .padding = c.options.padding,
          .groups = c.options.groups};
}

Convolution three_by_three(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
                           std::int64_t k, int padding) {
  return {n, h, w, c, 3, 3, k, {1, padding, 1}};
}

// Whole tiles and hanging ones, every padding, unequal channels; the last has so many tiles that
// groups of them run side by side.
std::vector<Convolution> cases() {
  return {three_by_three(2, 8, 8, 16, 32, 1),  three_by_three(3, 7, 9, 32, 16, 1),
          three_by_three(2, 10, 6, 16, 48, 0), three_by_three(1, 5, 5, 16, 16, 2),
          three_by_three(1, 3, 3, 64, 16, 0),  three_by_three(15, 31, 33, 16, 16, 1)};
}

std::vector<float> normals(std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(random);
  return values;
}

std::vector<Ring> any_bits(std::int64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Ring> values(static_cast<std::size_t>(count));
  for (Ring& v : values) v = random();
  return values;
}

// The largest error relative to the root mean square of the true values.
double relative_error(std::span<const float> got, const std::vector<double>& want) {
  double squares = 0, worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    squares += want[i] * want[i];
    worst = std::max(worst, std::abs(double(got[i]) - want[i]));
  }
  return worst / std::sqrt(squares / double(want.size()));
}

// Measured: up to 1.5e-5 (2e-6 root mean square), where the direct sum has 2e-6.
constexpr double kTolerance = 3e-5;

class Winograd : public testing::TestWithParam<std::int64_t> {
 protected:
  Winograd() { hwy::SetSupportedTargetsForTest(GetParam()); }
  ~Winograd() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(Winograd, FloatPassesEqualTheConvolution) {
  for (const Convolution& conv : cases()) {
    SCOPED_TRACE(fmt::format("x [{}, {}, {}, {}] to {}, padding {}", conv.n, conv.h, conv.w, conv.c,
                             conv.k, conv.options.padding));
    const ConvGeometry g = geometry(conv);
    ASSERT_TRUE(has_winograd(g));
    const auto x = normals(g.n * g.h * g.w * g.c, 1), w = normals(9 * g.c * g.k, 2);
    const auto dy = normals(g.n * g.oh * g.ow * g.k, 3);
    const auto want = reference::convolution_passes<float>(conv, x, w, dy);
    std::vector<float> y(dy.size(), NAN), dx(x.size(), NAN), dw(w.size(), NAN);
    winograd_convolve<float>(g, x.data(), w.data(), {}, y.data());
    EXPECT_LT(relative_error(y, want.y), kTolerance);
    winograd_backward_input(g, dy.data(), w.data(), dx.data());
    EXPECT_LT(relative_error(dx, want.dx), kTolerance);
    winograd_backward_weight(g, x.data(), dy.data(), dw.data());
    EXPECT_LT(relative_error(dw, want.dw), kTolerance);
  }
}

TEST_P(Winograd, FloatEpilogueFollows) {
  const Convolution conv = three_by_three(1, 6, 7, 16, 32, 1);
  const ConvGeometry g = geometry(conv);
  const auto x = normals(g.n * g.h * g.w * g.c, 1), w = normals(9 * g.c * g.k, 2);
  const auto bias = normals(g.k, 4), residual = normals(g.n * g.oh * g.ow * g.k, 5);
  const auto want = reference::convolution_passes<float>(conv, x, w, residual).y;
  for (int extras = 0; extras < 8; ++extras) {
    const EpiloguePointers<float> epilogue{
        .bias = (extras & 1) != 0 ? bias.data() : nullptr,
        .residual = (extras & 2) != 0 ? residual.data() : nullptr,
        .relu = (extras & 4) != 0};
    std::vector<double> with_extras = want;
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (epilogue.bias != nullptr) with_extras[i] += bias[i % bias.size()];
      if (epilogue.residual != nullptr) with_extras[i] += residual[i];
      if (epilogue.relu) with_extras[i] = std::max(with_extras[i], 0.0);
    }
    std::vector<float> y(want.size(), NAN);
    winograd_convolve<float>(g, x.data(), w.data(), epilogue, y.data());
    EXPECT_LT(relative_error(y, with_extras), kTolerance) << "extras " << extras;
  }
}

TEST_P(Winograd, RingGivesExactlyFourTimesTheConvolution) {
  for (const Convolution& conv : cases()) {
    const ConvGeometry g = geometry(conv);
    const auto x = any_bits(g.n * g.h * g.w * g.c, 1), w = any_bits(9 * g.c * g.k, 2);
    const auto bias = any_bits(g.k, 4), residual = any_bits(g.n * g.oh * g.ow * g.k, 5);
    auto want = reference::convolution_passes<Ring>(conv, x, w, residual).y;
    for (std::size_t i = 0; i < want.size(); ++i)
      want[i] = 4 * want[i] + bias[i % bias.size()] + residual[i];
    std::vector<Ring> y(want.size(), 0x5bad);
    winograd_convolve<Ring>(g, x.data(), w.data(),
                            {.bias = bias.data(), .residual = residual.data(), .relu = false},
                            y.data());
    EXPECT_TRUE(y == want) << fmt::format("x [{}, {}, {}, {}]", g.n, g.h, g.w, g.c);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Winograd, testing::ValuesIn([] {
                           std::vector<std::int64_t> sets = {HWY_SCALAR};
                           for (const std::int64_t set : {HWY_AVX3, HWY_AVX2, HWY_NEON}) {
                             if ((hwy::SupportedTargets() & set) != 0) sets.push_back(set);
                           }
                           return sets;
                         }()),
                         [](const auto& set) { return std::string(hwy::TargetName(set.param)); });

TEST(WinogradChoice, TheBackendTakesItAndStaysWithinRounding) {
  const Convolution conv = three_by_three(2, 16, 16, 32, 32, 1);
  ASSERT_TRUE(winograd_pays(geometry(conv)));
  const auto x = normals(2 * 16 * 16 * 32, 1), w = normals(9 * 32 * 32, 2), dy = normals(16384, 3);
  const auto want = reference::convolution_passes<float>(conv, x, w, dy);
  const Tensor xt = Tensor::from({2, 16, 16, 32}, x), wt = Tensor::from({3, 3, 32, 32}, w);
  const Tensor dyt = Tensor::from({2, 16, 16, 32}, dy);
  const Tensor y = Tensor::empty(dyt.shape(), DType::float32);
  const Tensor dx = Tensor::empty(xt.shape(), DType::float32);
  const Tensor dw = Tensor::empty(wt.shape(), DType::float32);
  backend({}).conv2d(conv.options, xt, wt, {}, y);
  EXPECT_LT(relative_error(y.values<float>(), want.y), kTolerance);
  backend({}).conv2d_backward_input(conv.options, dyt, wt, dx);
  EXPECT_LT(relative_error(dx.values<float>(), want.dx), kTolerance);
  backend({}).conv2d_backward_weight(conv.options, xt, dyt, dw);
  EXPECT_LT(relative_error(dw.values<float>(), want.dw), kTolerance);
}

TEST(WinogradChoice, OnlyFittingGeometriesHaveIt) {
  const auto has = [](Convolution conv) { return has_winograd(geometry(conv)); };
  EXPECT_TRUE(has(three_by_three(1, 8, 8, 16, 32, 1)));
  EXPECT_FALSE(has(three_by_three(1, 8, 8, 3, 64, 1)));
  EXPECT_FALSE(has(three_by_three(1, 8, 8, 16, 10, 1)));
  EXPECT_FALSE(has(three_by_three(1, 8, 8, 16, 16, 3)));
  EXPECT_FALSE(has({1, 8, 8, 16, 3, 3, 16, {2, 1, 1}}));
  EXPECT_FALSE(has({1, 8, 8, 32, 3, 3, 32, {1, 1, 2}}));
  EXPECT_FALSE(has({1, 8, 8, 16, 1, 1, 16, {1, 0, 1}}));
}

// Groups of tiles may run on any thread; the sums' order must not follow.
TEST(WinogradChoice, ResultsDoNotDependOnTheNumberOfThreads) {
  const int threads = thread_count();
  for (const Convolution& conv : cases()) {
    const ConvGeometry g = geometry(conv);
    const auto x = normals(g.n * g.h * g.w * g.c, 1), w = normals(9 * g.c * g.k, 2);
    const auto dy = normals(g.n * g.oh * g.ow * g.k, 3);
    std::vector<std::vector<float>> first;
    for (const int count : {1, 2, 3}) {
      set_thread_count(count);
      std::vector<std::vector<float>> results = {dy, x, w};
      winograd_convolve<float>(g, x.data(), w.data(), {}, results[0].data());
      winograd_backward_input(g, dy.data(), w.data(), results[1].data());
      winograd_backward_weight(g, x.data(), dy.data(), results[2].data());
      if (count == 1) first = results;
      EXPECT_TRUE(results == first) << count << " threads";
    }
  }
  set_thread_count(threads);
}

}  // namespace
}  // namespace hush
