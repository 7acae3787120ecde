// Matrix products and convolutions against their definition: every kind of shape, both element
// types, every instruction set that this machine has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <random>

#include "core/backend.h"
#include "core/thread_pool.h"
#include "tests/support/reference_products.h"

namespace hush {
namespace {

using reference::Convolution;

// Small integers: every product and sum is exact in float, so that results must be equal.
template <class T>
std::vector<T> integers(std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& v : values) v = T(std::int64_t(random() % 15) - 7);
  return values;
}

// Over the ring: any 64 bits.
template <>
std::vector<Ring> integers<Ring>(std::int64_t count, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Ring> values(static_cast<std::size_t>(count));
  for (Ring& v : values) v = random();
  return values;
}

template <class T>
Tensor poisoned(const Shape& shape) {  // an output whose every element must be written
  Tensor t = Tensor::empty(shape, kDTypeOf<T>);
  std::ranges::fill(t.values<T>(), T(0x5bad5bad));
  return t;
}

template <class T>
void expect_equal(const Tensor& got, const std::vector<reference::Sum<T>>& want,
                  std::string_view what) {
  const auto values = got.values<T>();
  ASSERT_EQ(values.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(reference::Sum<T>(values[i]), want[i])
        << what << ' ' << got.shape().text() << " at " << i;
  }
}

struct ConvCase {
  Convolution conv;
  std::string text() const {
    return fmt::format("x [{}, {}, {}, {}] kernel {}x{} to {}, stride {} padding {} groups {}",
                       conv.n, conv.h, conv.w, conv.c, conv.kh, conv.kw, conv.k,
                       conv.options.stride, conv.options.padding, conv.options.groups);
  }
};

std::vector<ConvCase> conv_cases() {
  std::vector<ConvCase> cases;
  const auto add = [&](std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
                       std::int64_t kh, std::int64_t kw, std::int64_t k, int stride, int padding,
                       int groups = 1) {
    cases.push_back({{n, h, w, c, kh, kw, k, {stride, padding, groups}}});
  };
  // The layers of residual networks, in small.
  add(2, 8, 8, 3, 3, 3, 16, 1, 1);
  add(1, 8, 8, 16, 3, 3, 16, 1, 1);
  add(3, 6, 6, 16, 3, 3, 32, 2, 1);
  add(2, 6, 6, 32, 1, 1, 64, 2, 0);
  add(1, 4, 4, 64, 3, 3, 64, 1, 1);
  add(2, 5, 5, 48, 1, 1, 33, 1, 0);
  add(2, 14, 15, 3, 7, 7, 20, 2, 3);
  // Odd extents, channels that fill no vector, unequal kernels.
  for (const int stride : {1, 2, 3}) {
    for (const int padding : {0, 1, 2}) {
      add(3, 7, 5, 5, 3, 3, 7, stride, padding);
      add(1, 9, 8, 1, 5, 3, 3, stride, padding);
      add(1, 6, 7, 2, 1, 1, 5, stride, padding);
    }
  }
  add(1, 5, 5, 4, 5, 5, 17, 1, 0);  // the kernel covers the image
  add(2, 4, 4, 3, 2, 2, 5, 2, 0);
  add(1, 3, 3, 2, 3, 3, 2, 1, 3);     // more padding than the gradient can see
  add(1, 4, 4, 2, 1, 1, 3, 3, 0);     // some pixels are never read
  add(1, 20, 20, 8, 3, 3, 40, 1, 1);  // several chunks
  // Groups, depthwise.
  add(2, 6, 6, 8, 3, 3, 12, 1, 1, 4);
  add(1, 7, 7, 6, 3, 3, 6, 2, 1, 2);
  add(2, 7, 6, 19, 3, 3, 19, 1, 1, 19);
  add(1, 9, 9, 32, 5, 5, 32, 2, 2, 32);
  add(1, 6, 6, 4, 3, 3, 8, 1, 1, 4);  // two results a channel
  return cases;
}

template <class T>
struct ConvTensors {
  explicit ConvTensors(const Convolution& c)
      : x_values(integers<T>(c.n * c.h * c.w * c.c, 1)),
        w_values(integers<T>(c.kh * c.kw * c.c / c.options.groups * c.k, 2)),
        dy_values(integers<T>(c.n * c.oh() * c.ow() * c.k, 3)),
        x(Tensor::from({c.n, c.h, c.w, c.c}, x_values)),
        w(Tensor::from({c.kh, c.kw, c.c / c.options.groups, c.k}, w_values)),
        dy(Tensor::from({c.n, c.oh(), c.ow(), c.k}, dy_values)) {}

  std::vector<T> x_values, w_values, dy_values;
  Tensor x, w, dy;
};

template <class T>
void check_convolution(const ConvCase& test) {
  SCOPED_TRACE(test.text());
  const Convolution& conv = test.conv;
  const ConvTensors<T> t(conv);
  const auto want = reference::convolution_passes<T>(conv, t.x_values, t.w_values, t.dy_values);
  Backend& cpu = backend({});

  const Tensor y = poisoned<T>(t.dy.shape());
  cpu.conv2d(conv.options, t.x, t.w, {}, y);
  expect_equal<T>(y, want.y, "y");
  const Tensor dx = poisoned<T>(t.x.shape());
  cpu.conv2d_backward_input(conv.options, t.dy, t.w, dx);
  expect_equal<T>(dx, want.dx, "dx");
  const Tensor dw = poisoned<T>(t.w.shape());
  cpu.conv2d_backward_weight(conv.options, t.x, t.dy, dw);
  expect_equal<T>(dw, want.dw, "dw");

  for (int extras = 1; extras < 8; ++extras) {
    const auto bias = integers<T>(conv.k, 4), residual = integers<T>(t.dy.elements(), 5);
    ConvEpilogue epilogue;
    if ((extras & 1) != 0) epilogue.bias = Tensor::from({conv.k}, bias);
    if ((extras & 2) != 0) epilogue.residual = Tensor::from(t.dy.shape(), residual);
    epilogue.relu = (extras & 4) != 0;
    if (epilogue.relu && kDTypeOf<T> == DType::ring64) continue;
    auto want_y = want.y;
    for (std::size_t i = 0; i < want_y.size(); ++i) {
      if (epilogue.bias.defined()) want_y[i] += bias[i % std::size_t(conv.k)];
      if (epilogue.residual.defined()) want_y[i] += residual[i];
      if (epilogue.relu) want_y[i] = std::max<reference::Sum<T>>(want_y[i], 0);
    }
    const Tensor with_extras = poisoned<T>(t.dy.shape());
    cpu.conv2d(conv.options, t.x, t.w, epilogue, with_extras);
    expect_equal<T>(with_extras, want_y, fmt::format("y with extras {}", extras));
  }
}

template <class T>
void check_gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  const auto a_values = integers<T>(m * k, 1), b_values = integers<T>(k * n, 2);
  const auto c_values = integers<T>(m * n, 3);
  for (int bits = 0; bits < 8; ++bits) {
    const GemmOptions options{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
    const Tensor a = Tensor::from(options.transpose_a ? Shape{k, m} : Shape{m, k}, a_values);
    const Tensor b = Tensor::from(options.transpose_b ? Shape{n, k} : Shape{k, n}, b_values);
    const Tensor c = options.accumulate ? Tensor::from({m, n}, c_values) : poisoned<T>({m, n});
    auto want = reference::product<T>(options, m, n, k, a_values, b_values);
    if (options.accumulate)
      for (std::size_t i = 0; i < want.size(); ++i) want[i] += c_values[i];
    backend({}).gemm(options, a, b, c);
    expect_equal<T>(c, want, fmt::format("options {} m {} n {} k {}", bits, m, n, k));
  }
}

// One test for each instruction set, by its Highway bit.
class ProductsByInstructionSet : public testing::TestWithParam<std::int64_t> {
 protected:
  ProductsByInstructionSet() { hwy::SetSupportedTargetsForTest(GetParam()); }
  ~ProductsByInstructionSet() override { hwy::SetSupportedTargetsForTest(0); }
};

std::vector<std::int64_t> instruction_sets() {
  std::vector<std::int64_t> sets;
  const std::int64_t supported = hwy::SupportedTargets();
  for (const std::int64_t set : {HWY_AVX3, HWY_AVX2, HWY_NEON}) {
    if ((supported & set) != 0) sets.push_back(set);
  }
  sets.push_back(HWY_SCALAR);  // what remains when no other is left
  return sets;
}

TEST(ProductsTest, DescriptionTellsInstructionSetAndThreads) {
  const int threads = thread_count();
  set_thread_count(1);
  EXPECT_THAT(backend({}).description(), testing::MatchesRegex("CPU, .+, 1 thread"));
  set_thread_count(3);
  EXPECT_THAT(backend({}).description(), testing::MatchesRegex("CPU, .+, 3 threads"));
  set_thread_count(threads);
}

// Sums of floats round differently in another order, so equality to the bit shows that the order
// does not depend on the threads.
template <class T>
std::vector<std::vector<T>> passes_with(int threads, const Convolution& conv) {
  set_thread_count(threads);
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const auto drawn = [&](const Shape& shape) {
    const Tensor t = Tensor::empty(shape, DType::float32);
    for (float& v : t.values<float>()) v = normal(random);
    return t;
  };
  const Tensor x = drawn({conv.n, conv.h, conv.w, conv.c});
  const Tensor w = drawn({conv.kh, conv.kw, conv.c, conv.k});
  const Tensor dy = drawn({conv.n, conv.oh(), conv.ow(), conv.k});
  const Tensor y = poisoned<T>(dy.shape()), dx = poisoned<T>(x.shape());
  const Tensor dw = poisoned<T>(w.shape());
  backend({}).conv2d(conv.options, x, w, {}, y);
  backend({}).conv2d_backward_input(conv.options, dy, w, dx);
  backend({}).conv2d_backward_weight(conv.options, x, dy, dw);
  std::vector<std::vector<T>> results;
  for (const Tensor& t : {y, dx, dw})
    results.emplace_back(t.values<T>().begin(), t.values<T>().end());
  return results;
}

TEST(ProductsTest, ResultsDoNotDependOnTheNumberOfThreads) {
  const int threads = thread_count();
  for (const Convolution& conv : {Convolution{9, 16, 16, 16, 3, 3, 40, {1, 1, 1}},
                                  Convolution{5, 8, 9, 70, 3, 3, 50, {2, 1, 1}},
                                  Convolution{30, 6, 6, 20, 1, 1, 33, {1, 0, 1}}}) {
    const auto one = passes_with<float>(1, conv);
    EXPECT_EQ(one, passes_with<float>(2, conv));
    EXPECT_EQ(one, passes_with<float>(3, conv));
  }
  set_thread_count(threads);
}

template <class F>
void expect_error(F&& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error; expected one with: " << part;
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

TEST(ProductsTest, WrongArgumentsAreNamed) {
  Backend& cpu = backend({});
  const auto tensor = [](const Shape& shape, DType dtype = DType::float32) {
    return Tensor::zeros(shape, dtype);
  };
  const Tensor x = tensor({2, 8, 8, 4}), w = tensor({3, 3, 4, 6}), y = tensor({2, 8, 8, 6});
  const ConvOptions same{1, 1, 1};
  expect_error(
      [&] {
        cpu.conv2d(same, x, tensor({3, 3, 5, 6}), {}, y);
      },
      "conv2d: image [2, 8, 8, 4], weight [3, 3, 5, 6]");
  expect_error([&] { cpu.conv2d({1, 1, 4}, x, tensor({3, 3, 1, 6}), {}, y); }, "4 groups");
  expect_error([&] { cpu.conv2d({0, 1, 1}, x, w, {}, y); }, "stride 0");
  expect_error([&] { cpu.conv2d({1, 0, 1}, tensor({2, 2, 2, 4}), w, {}, y); }, "larger than");
  expect_error([&] { cpu.conv2d({2, 1, 1}, x, w, {}, y); }, "not float32 [2, 4, 4, 6]");
  expect_error(
      [&] {
        cpu.conv2d(same, x, tensor({3, 3, 4, 6}, DType::ring64), {}, y);
      },
      "the weight is ring64");
  expect_error([&] { cpu.conv2d(same, x, w, {tensor({5}), {}, false}, y); }, "conv2d: bias");
  expect_error([&] { cpu.conv2d(same, x, w, {{}, tensor({2, 8, 8, 5}), false}, y); }, "residual");
  expect_error([&] { cpu.conv2d(same, Tensor(), w, {}, y); }, "conv2d: the image");
  expect_error([&] { cpu.conv2d(same, tensor({2, 8, 8}), w, {}, y); }, "rank 4");
  expect_error(
      [&] {
        cpu.conv2d_backward_input(same, y, w, tensor({2, 8, 8, 5}));
      },
      "conv2d_backward_input: image [2, 8, 8, 5]");
  expect_error([&] { cpu.conv2d_backward_weight(same, x, x, w); },
               "conv2d_backward_weight: the result");
  const Tensor ring_x = tensor({2, 8, 8, 4}, DType::ring64);
  expect_error(
      [&] {
        cpu.conv2d(same, ring_x, tensor({3, 3, 4, 6}, DType::ring64), {{}, {}, true},
                   tensor({2, 8, 8, 6}, DType::ring64));
      },
      "ReLU");
  expect_error(
      [&] {
        cpu.gemm({}, tensor({2, 3}), tensor({4, 5}), tensor({2, 5}));
      },
      "gemm: A [2, 3] and B [4, 5]");
  expect_error([&] { cpu.gemm({}, tensor({2, 3}), tensor({3, 5}), tensor({5, 2})); }, "gemm: C");
  expect_error(
      [&] {
        cpu.gemm({}, tensor({2, 3}, DType::int32), tensor({3, 5}, DType::int32),
                 tensor({2, 5}, DType::int32));
      },
      "int32");
}

TEST_P(ProductsByInstructionSet, ConvolutionsEqualTheirDefinition) {
  for (const ConvCase& test : conv_cases()) {
    check_convolution<float>(test);
    check_convolution<Ring>(test);
    if (HasFatalFailure()) return;
  }
}

TEST_P(ProductsByInstructionSet, MatrixProductsEqualTheirDefinition) {
  const std::int64_t extents[][3] = {{1, 1, 1},    {1, 10, 512}, {5, 3, 2},    {16, 16, 16},
                                     {17, 33, 65}, {64, 10, 64}, {200, 40, 9}, {31, 100, 250},
                                     {3, 2, 0},    {0, 4, 5}};
  for (const auto& [m, n, k] : extents) {
    check_gemm<float>(m, n, k);
    check_gemm<Ring>(m, n, k);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ProductsByInstructionSet, testing::ValuesIn(instruction_sets()),
                         [](const auto& set) { return std::string(hwy::TargetName(set.param)); });

}  // namespace
}  // namespace hush
