// Products on tensor cores: floats rounded to bf16 or tf32 against the CPU's product of rounded
// floats, words of the ring from bytes against the CPU's, bit for bit; every operand, both tilings,
// sizes that are no multiple of anything.
#include <bit>
#include <cmath>

#include "convolution_cases.h"
#include "cuda/product_choice.h"

namespace hush::cuda {
namespace {

struct GemmCase {
  std::int64_t m, n, k;
};

// One narrow tile; a wide one without whole packs; several of them, with packs; a split depth.
// Then packs of eight: of the narrowest tiles, of middling ones, and split.
constexpr GemmCase kGemmCases[] = {{35, 41, 19},   {70, 75, 37},  {132, 136, 72}, {8, 12, 1040},
                                   {136, 24, 200}, {72, 56, 520}, {16, 8, 8}};

// The nearest float of `bits` significant bits; ties to even, or away from zero for tf32.
float rounded(float x, Precision precision) {
  if (x == 0) return x;
  int exponent = 0;
  const float fraction = std::frexp(x, &exponent);
  const bool tf32 = precision == Precision::tf32;
  const float scale = tf32 ? 0x1p11f : 0x1p8f, scaled = fraction * scale;
  return std::ldexp((tf32 ? std::round(scaled) : std::nearbyint(scaled)) / scale, exponent);
}

Tensor rounded(const Tensor& t, Precision precision) {
  Tensor result = t.clone();
  for (float& v : result.values<float>()) v = rounded(v, precision);
  return result;
}

class TensorProducts : public DeviceTest {
 protected:
  void TearDown() override {
    if (!IsSkipped()) {
      device().set_precision(Precision::float32);
      device().set_ring_product(RingProduct::automatic);
    }
    DeviceTest::TearDown();
  }
};

constexpr Precision kPrecisions[] = {Precision::tf32, Precision::bf16};

const char* name_of(Precision precision) {
  return precision == Precision::tf32 ? "tf32" : "bf16";
}

// The device's product of floats against the CPU's of what they are rounded to.
void expect_rounded_parity(Precision precision, std::vector<Tensor> tensors,
                           const KernelCall& call) {
  const auto on_cpu = [&] {
    std::vector<Tensor> t;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      t.push_back(i < 2 ? rounded(tensors[i], precision) : tensors[i].clone());
    call(backend({}), t);
    return t;
  }();
  static_cast<CudaBackend&>(backend(kDevice)).set_precision(precision);
  on_device(
      tensors, [&](CudaBackend& device, const std::vector<Tensor>& t) { call(device, t); },
      [&](const std::vector<Tensor>& t) { expect_equal(t[2], on_cpu[2], 1e-5f, "product"); });
}

TEST_F(TensorProducts, FloatsAreRoundedOnceAndAddedInFloat) {
  for (const Precision precision : kPrecisions)
    for (const GemmCase& g : kGemmCases) {
      SCOPED_TRACE(fmt::format("{} x {} x {} {}", g.m, g.n, g.k, name_of(precision)));
      expect_rounded_parity(
          precision, {reals({g.m, g.k}, -1, 1), reals({g.k, g.n}, -1, 1), result({g.m, g.n})},
          [](Backend& b, const std::vector<Tensor>& t) { b.gemm({}, t[0], t[1], t[2]); });
    }
}

TEST_F(TensorProducts, GemmTransposedAndAccumulated) {
  for (const Precision precision : kPrecisions)
    for (const auto& [m, n, k] : {GemmCase{35, 41, 19}, GemmCase{36, 72, 20}, GemmCase{40, 72, 48}})
      for (int flags = 1; flags < 8; ++flags) {
        SCOPED_TRACE(fmt::format("flags {} {}", flags, name_of(precision)));
        const GemmOptions o{(flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
        device().set_precision(precision);
        expect_parity(
            {integers(o.transpose_a ? Shape{k, m} : Shape{m, k}),
             integers(o.transpose_b ? Shape{n, k} : Shape{k, n}), integers({m, n})},
            [&](Backend& b, const std::vector<Tensor>& t) { b.gemm(o, t[0], t[1], t[2]); });
      }
}

void expect_convolutions_match(DType dtype, const std::function<Tensor(const Shape&)>& drawn) {
  for (const ConvCase& c : kConvCases) {
    if (c.options.groups == c.channels) continue;  // depthwise: no product
    SCOPED_TRACE(c.name);
    expect_parity(
        {drawn(c.x()), drawn(c.w()), result(c.y(), dtype), drawn({c.out_channels}), drawn(c.y())},
        [&](Backend& b, const std::vector<Tensor>& t) {
          b.conv2d(c.options, t[0], t[1], {t[3], t[4], dtype == DType::float32}, t[2]);
        });
    expect_parity({drawn(c.y()), drawn(c.w()), result(c.x(), dtype)},
                  [&](Backend& b, const std::vector<Tensor>& t) {
                    b.conv2d_backward_input(c.options, t[0], t[1], t[2]);
                  });
    expect_parity({drawn(c.x()), drawn(c.y()), result(c.w(), dtype)},
                  [&](Backend& b, const std::vector<Tensor>& t) {
                    b.conv2d_backward_weight(c.options, t[0], t[1], t[2]);
                  });
  }
}

TEST_F(TensorProducts, ConvolutionsOfIntegersAreExact) {
  for (const Precision precision : kPrecisions) {
    SCOPED_TRACE(name_of(precision));
    device().set_precision(precision);
    expect_convolutions_match(DType::float32, [](const Shape& shape) { return integers(shape); });
  }
}

TEST_F(TensorProducts, ConvolutionsRoundWhatTheyMultiply) {
  const ConvCase& c = kConvCases[1];
  for (const Precision precision : kPrecisions)
    expect_rounded_parity(precision, {reals(c.x(), -1, 1), reals(c.w(), -1, 1), result(c.y())},
                          [&](Backend& b, const std::vector<Tensor>& t) {
                            b.conv2d(c.options, t[0], t[1], {}, t[2]);
                          });
}

// conv_operand rounds what is read several times, and only that: the same results, bit for bit.
TEST_F(TensorProducts, OperandsMayBeRoundedBeforehand) {
  device().set_precision(Precision::bf16);
  for (const ConvCase& c : kConvCases) {
    SCOPED_TRACE(c.name);
    const Tensor x = reals(c.x()).to(kDevice), w = reals(c.w()).to(kDevice),
                 dy = reals(c.y()).to(kDevice);
    const Tensor operand = device().conv_operand(c.options, x, c.w());
    const Tensor gradient = device().conv_operand(c.options, dy, c.w());
    const bool whole =
        c.channels / c.options.groups % 8 == 0 && c.out_channels / c.options.groups % 8 == 0;
    EXPECT_EQ(operand.dtype(), whole ? DType::bfloat16 : DType::float32);
    EXPECT_EQ(gradient.dtype(), operand.dtype());
    EXPECT_EQ(operand.raw() == x.raw(), !whole);
    const auto all_passes = [&](const Tensor& image, const Tensor& output_gradient) {
      std::vector<Tensor> results = {result(c.y()).to(kDevice), result(c.x()).to(kDevice),
                                     result(c.w()).to(kDevice)};
      device().conv2d(c.options, image, w, {}, results[0]);
      device().conv2d_backward_input(c.options, output_gradient, w, results[1]);
      device().conv2d_backward_weight(c.options, image, output_gradient, results[2]);
      return results;
    };
    const std::vector<Tensor> expected = all_passes(x, dy), actual = all_passes(operand, gradient);
    for (std::size_t i = 0; i < 3; ++i)
      expect_equal(actual[i].to({}), expected[i].to({}), 0, fmt::format("pass {}", i));
  }
}

TEST_F(TensorProducts, OperandsOfAnotherPrecisionAreRefused) {
  const ConvOptions o{1, 1, 1};
  const Tensor x = reals({1, 4, 4, 8}).to(kDevice), w = reals({3, 3, 8, 8}).to(kDevice),
               y = result({1, 4, 4, 8}).to(kDevice);
  EXPECT_EQ(device().conv_operand(o, x, w.shape()).raw(), x.raw());  // fp32 rounds nothing
  device().set_precision(Precision::bf16);
  const Tensor rounded = device().conv_operand(o, x, w.shape());
  EXPECT_THROW(device().conv2d(o, x, w, {}, rounded), ArgumentError);  // as an output
  EXPECT_THROW(device().conv2d(o, x, w, {.bias = {}, .residual = rounded}, y), ArgumentError);
  EXPECT_THROW(device().map(Unary::relu, rounded, rounded), ArgumentError);
  device().set_precision(Precision::tf32);
  EXPECT_THROW(device().conv2d(o, rounded, w, {}, y), ArgumentError);
  EXPECT_THROW(device().conv2d_backward_input(o, rounded, w, y), ArgumentError);
}

TEST_F(TensorProducts, RingProductsFromBytesAreExact) {
  device().set_ring_product(RingProduct::limbs);
  for (const auto& [m, n, k] :
       {GemmCase{3, 5, 2}, GemmCase{70, 75, 37}, GemmCase{66, 68, 40}, GemmCase{8, 12, 520}})
    for (int flags = 0; flags < 8; ++flags) {
      if (m == 3 && flags > 1) continue;
      SCOPED_TRACE(fmt::format("{} x {} x {} flags {}", m, n, k, flags));
      const GemmOptions o{(flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
      expect_parity({random_ring(o.transpose_a ? Shape{k, m} : Shape{m, k}),
                     random_ring(o.transpose_b ? Shape{n, k} : Shape{k, n}), random_ring({m, n})},
                    [&](Backend& b, const std::vector<Tensor>& t) { b.gemm(o, t[0], t[1], t[2]); });
    }
}

// Every limb at its largest: -1 · -1, and what overflows most.
TEST_F(TensorProducts, RingProductsOfExtremeWords) {
  device().set_ring_product(RingProduct::limbs);
  for (const Ring word : {~Ring{0}, Ring{1} << 63, Ring{0x00ff00ff00ff00ff}}) {
    Tensor a = Tensor::empty({4, 300}, DType::ring64), b = Tensor::empty({300, 6}, DType::ring64);
    for (Ring& v : a.values<Ring>()) v = word;
    for (Ring& v : b.values<Ring>()) v = ~Ring{0} - 1;
    expect_parity({a, b, result({4, 6}, DType::ring64)},
                  [](Backend& d, const std::vector<Tensor>& t) { d.gemm({}, t[0], t[1], t[2]); });
  }
}

TEST_F(TensorProducts, RingConvolutionsFromBytesAreExact) {
  device().set_ring_product(RingProduct::limbs);
  expect_convolutions_match(DType::ring64, random_ring);
}

TEST(RingProductChoice, MeasuresOncePerClassOfShapes) {
  RingProductChoice choice;
  int measured = 0;
  const auto limbs_win = [&](RingProduct product) {
    ++measured;
    return product == RingProduct::limbs ? 1.0f : 2.0f;
  };
  const auto simt_wins = [&](RingProduct product) {
    ++measured;
    return product == RingProduct::simt ? 1.0f : 2.0f;
  };
  EXPECT_EQ(choice.known({0, 100, 100, 100}), RingProduct::simt);
  EXPECT_EQ(choice.choose({0, 100, 100, 100}, limbs_win), RingProduct::limbs);
  EXPECT_EQ(measured, 2);
  EXPECT_EQ(choice.choose({0, 127, 64, 101}, simt_wins), RingProduct::limbs);  // the same class
  EXPECT_EQ(choice.known({0, 64, 64, 64}), RingProduct::limbs);
  EXPECT_EQ(measured, 2);
  EXPECT_EQ(choice.choose({0, 128, 100, 100}, simt_wins), RingProduct::simt);
  EXPECT_EQ(choice.choose({1, 100, 100, 100}, simt_wins), RingProduct::simt);
  EXPECT_EQ(measured, 6);
  const auto fails = [](RingProduct) -> float { throw ArgumentError("no"); };
  EXPECT_THROW(choice.choose({2, 1, 1, 1}, fails), ArgumentError);
  EXPECT_EQ(choice.choose({2, 1, 1, 1}, limbs_win), RingProduct::limbs);  // measured again
}

TEST(RingProductChoice, NamesAreChecked) {
  EXPECT_EQ(parse_ring_product("auto"), RingProduct::automatic);
  EXPECT_EQ(parse_ring_product("limbs"), RingProduct::limbs);
  EXPECT_EQ(parse_ring_product("simt"), RingProduct::simt);
  EXPECT_THROW(parse_ring_product("fast"), ArgumentError);
}

TEST(Precision, OnlyGpusRound) {
  EXPECT_NO_THROW(backend({}).set_precision(Precision::float32));
  EXPECT_THROW(backend({}).set_precision(Precision::bf16), ArgumentError);
}

}  // namespace
}  // namespace hush::cuda
