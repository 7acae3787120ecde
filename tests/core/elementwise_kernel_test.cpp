// Elementwise, reduction, pooling and layout kernels where the op table does not reach: many
// chunks, in place, over the ring, NaN, and refused arguments.
#include <gtest/gtest.h>

#include <numeric>

#include "core/backend.h"
#include "core/scalar.h"
#include "tests/support/op_conformance.h"

namespace hush {
namespace {

const Tensor kNone;

Tensor random_floats(const Shape& shape, std::uint64_t index = 0) {
  const Tensor result = Tensor::empty(shape, DType::float32);
  RandomStream random(17, RandomUse::test, index);
  for (float& x : result.values<float>()) x = random.normal();
  return result;
}

Tensor random_ring(const Shape& shape, std::uint64_t index = 0) {
  const Tensor result = Tensor::empty(shape, DType::ring64);
  RandomStream random(19, RandomUse::test, index);
  for (Ring& x : result.values<Ring>()) x = Ring{random.next()} << 32 | random.next();
  return result;
}

TEST(ScalarTest, ExponentialIsAccurateToThreeUnits) {
  float worst = 0;
  for (float x = 0; x > -87; x -= 1e-3f) {
    const double want = std::exp(double(x));
    worst = std::max(worst, float(std::abs(double(scalar::exp_nonpositive(x)) / want - 1)));
  }
  EXPECT_LT(worst, 3e-7f);
  EXPECT_EQ(scalar::exp_nonpositive(0), 1.0f);
  EXPECT_LT(scalar::exp_nonpositive(-1e30f), 1e-37f);
  EXPECT_LT(scalar::exp_nonpositive(-INFINITY), 1e-37f);
  EXPECT_TRUE(std::isnan(scalar::exp_nonpositive(NAN)));
}

TEST(ScalarTest, ActivationsAtTheEnds) {
  EXPECT_EQ(scalar::Sigmoid{}(0), 0.5f);
  EXPECT_EQ(scalar::Sigmoid{}(1e30f), 1.0f);
  EXPECT_LT(scalar::Sigmoid{}(-1e30f), 1e-37f);
  EXPECT_EQ(scalar::Silu{}(50), 50.0f);
  EXPECT_EQ(scalar::Relu{}(-2), 0.0f);
}

TEST(ElementwiseKernels, NanStaysNan) {
  const Tensor x = Tensor::full({100}, NAN), y = Tensor::full({100}, 0);
  for (const Unary f : {Unary::relu, Unary::silu, Unary::sigmoid, Unary::square, Unary::negate}) {
    backend({}).map(f, x, y);
    EXPECT_TRUE(std::ranges::all_of(y.values<float>(), [](float v) { return std::isnan(v); }));
  }
}

TEST(ElementwiseKernels, MapManyChunksInPlace) {
  const Tensor x = random_floats({50001}), y = x.clone();
  backend({}).map(Unary::silu, y, y);
  for (std::size_t i = 0; i < 50001; ++i)
    ASSERT_NEAR(y.values<float>()[i],
                reference::scalar_function(Unary::silu, double(x.values<float>()[i])), 1e-6);
}

TEST(ElementwiseKernels, ZipWritesOverEitherArgument) {
  const Tensor a = random_ring({40003}, 1), b = random_ring({40003}, 2);
  for (const Binary f : {Binary::add, Binary::subtract, Binary::multiply}) {
    reference::Arrays<Ring> in(2, reference::Array<Ring>(a.shape()));
    std::ranges::copy(a.values<Ring>(), in[0].values.begin());
    std::ranges::copy(b.values<Ring>(), in[1].values.begin());
    const std::vector<Ring> want = reference::zip(f, in).values;
    const Tensor left = a.clone(), right = b.clone();
    backend({}).zip(f, left, b, left);
    backend({}).zip(f, a, right, right);
    EXPECT_TRUE(std::ranges::equal(left.values<Ring>(), want));
    EXPECT_TRUE(std::ranges::equal(right.values<Ring>(), want));
  }
}

TEST(ElementwiseKernels, AxpbyWithBetaZeroForgetsWhatWasThere) {
  const Tensor x = random_floats({1000}), y = Tensor::full({1000}, NAN);
  backend({}).axpby(2, x, 0, y);
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ(y.values<float>()[i], 2 * x.values<float>()[i]);
  backend({}).axpby(1, x, -0.5f, y);
  for (const float v : y.values<float>()) EXPECT_EQ(v, 0);
}

template <class T>
void check_scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift) {
  const std::size_t channels = std::size_t(x.shape()[-1]);
  const auto in = x.values<T>();
  const Tensor both = Tensor::empty(x.shape(), x.dtype()), scaled = both.clone();
  const Tensor shifted = x.clone(), same = both.clone();
  backend({}).scale_shift(x, scale, shift, both);
  backend({}).scale_shift(x, scale, kNone, scaled);
  backend({}).scale_shift(shifted, kNone, shift, shifted);
  backend({}).scale_shift(x, kNone, kNone, same);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const T factor = scale.values<T>()[i % channels], summand = shift.values<T>()[i % channels];
    ASSERT_NEAR(double(both.values<T>()[i]), double(in[i] * factor + summand), 1e-5);
    ASSERT_EQ(scaled.values<T>()[i], in[i] * factor);
    ASSERT_EQ(shifted.values<T>()[i], in[i] + summand);
    ASSERT_EQ(same.values<T>()[i], in[i]);
  }
}

TEST(ElementwiseKernels, ScaleShiftForAnyNumberOfChannels) {
  for (const std::int64_t channels : {1, 3, 16, 24, 65, 130, 3000}) {
    const std::int64_t rows = 70000 / channels;
    check_scale_shift<float>(random_floats({rows, channels}), random_floats({channels}, 1),
                             random_floats({channels}, 2));
    check_scale_shift<Ring>(random_ring({rows, channels}), random_ring({channels}, 1),
                            random_ring({channels}, 2));
  }
}

TEST(ElementwiseKernels, ChannelMultiplyGatesEachImageByItsOwnRow) {
  const Tensor x = random_ring({3, 5, 4, 7}), gate = random_ring({3, 7}, 1);
  const Tensor y = Tensor::empty(x.shape(), x.dtype());
  backend({}).channel_multiply(x, gate, y);
  for (std::size_t i = 0; i < 3 * 5 * 4 * 7; ++i)
    ASSERT_EQ(y.values<Ring>()[i],
              x.values<Ring>()[i] * gate.values<Ring>()[i / (5 * 4 * 7) * 7 + i % 7]);
}

TEST(ReductionKernels, ColumnSumForAnyNumberOfChannels) {
  for (const std::int64_t channels : {1, 3, 16, 24, 65, 130, 3000}) {
    const std::size_t width = std::size_t(channels);
    const Shape shape{140000 / channels, channels};
    const Tensor x = random_floats(shape), r = random_ring(shape);
    const Tensor y = Tensor::empty({channels}, DType::float32), s = random_ring({channels});
    std::vector<double> sum(width);
    std::vector<Ring> ring_sum(width);
    for (std::size_t i = 0; i < std::size_t(x.elements()); ++i) {
      sum[i % width] += double(x.values<float>()[i]);
      ring_sum[i % width] += r.values<Ring>()[i];
    }
    backend({}).column_sum(x, y);
    backend({}).column_sum(r, s);
    expect_close(doubles(y), sum, 1e-6, "column sum");
    EXPECT_TRUE(std::ranges::equal(s.values<Ring>(), ring_sum));
  }
}

TEST(ReductionKernels, ColumnSumOfNoRowsIsZero) {
  const Tensor y = Tensor::full({3}, 7);
  backend({}).column_sum(Tensor::empty({0, 3}, DType::float32), y);
  for (const float v : y.values<float>()) EXPECT_EQ(v, 0);
}

TEST(ReductionKernels, SumOfSquaresOverManyTensors) {
  const std::vector<Tensor> tensors{random_floats({3}), random_floats({200001}, 1),
                                    Tensor::full({2}, 1e30f), random_floats({64, 33}, 2)};
  double want = 0;
  for (const Tensor& t : tensors)
    for (const double x : doubles(t)) want += x * x;
  EXPECT_NEAR(backend({}).sum_of_squares(tensors) / want, 1, 1e-12);
  EXPECT_EQ(backend({}).sum_of_squares({}), 0);
}

TEST(PoolKernels, MaxTakesTheFirstOfEquals) {
  const Tensor x = Tensor::full({1, 2, 2, 1}, -3), y = Tensor::empty({1, 1, 1, 1}, DType::float32);
  const Tensor argmax = Tensor::empty({1, 1, 1, 1}, DType::int32);
  backend({}).pool({PoolKind::max, 2, 2, 0}, x, y, argmax);
  EXPECT_EQ(y.values<float>()[0], -3);
  EXPECT_EQ(argmax.values<std::int32_t>()[0], 0);
}

TEST(PoolKernels, MaxOfNanIsNanAndItsOffsetLiesInTheImage) {
  const Tensor x = random_floats({2, 3, 3, 5}), y = Tensor::empty({2, 1, 1, 5}, DType::float32);
  const Tensor argmax = Tensor::empty({2, 1, 1, 5}, DType::int32);
  x.values<float>()[45 + 4 * 5 + 2] = NAN;  // image 1, the pixel in the middle, channel 2
  backend({}).pool({PoolKind::max, 3, 3, 0}, x, y, argmax);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(std::isnan(y.values<float>()[i]), i == 7) << i;
  EXPECT_EQ(argmax.values<std::int32_t>()[7], 4 * 5 + 2);
}

TEST(PoolKernels, GradientsOfOverlappingWindowsAdd) {
  const Tensor x = Tensor::zeros({1, 3, 3, 1}, DType::float32);
  x.values<float>()[4] = 1;  // the middle wins all four windows
  const Tensor y = Tensor::empty({1, 2, 2, 1}, DType::float32);
  const Tensor argmax = Tensor::empty({1, 2, 2, 1}, DType::int32), dx = random_floats(x.shape());
  backend({}).pool({PoolKind::max, 2, 1, 0}, x, y, argmax);
  backend({}).pool_backward({PoolKind::max, 2, 1, 0}, Tensor::full(y.shape(), 1), argmax, dx);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(dx.values<float>()[i], i == 4 ? 4 : 0) << i;
}

TEST(LayoutKernels, PermuteEveryOrderAndType) {
  std::vector<int> axes{0, 1, 2, 3};
  const Shape shape{3, 4, 5, 2};
  const Tensor floats = random_floats(shape), ring = random_ring(shape);
  const Tensor bytes = Tensor::empty(shape, DType::uint8);
  std::iota(bytes.values<std::uint8_t>().begin(), bytes.values<std::uint8_t>().end(), 0);
  do {
    Shape permuted;
    for (const int axis : axes) permuted.append(shape[axis]);
    const Tensor f = Tensor::empty(permuted, DType::float32);
    const Tensor r = Tensor::empty(permuted, DType::ring64);
    const Tensor b = Tensor::empty(permuted, DType::uint8);
    backend({}).permute(axes, floats, f);
    backend({}).permute(axes, ring, r);
    backend({}).permute(axes, bytes, b);
    std::int64_t index[4], to = 0;
    for (index[0] = 0; index[0] < permuted[0]; ++index[0])
      for (index[1] = 0; index[1] < permuted[1]; ++index[1])
        for (index[2] = 0; index[2] < permuted[2]; ++index[2])
          for (index[3] = 0; index[3] < permuted[3]; ++index[3], ++to) {
            std::int64_t source[4], from = 0;
            for (std::size_t i = 0; i < 4; ++i) source[axes[i]] = index[i];
            for (int i = 0; i < 4; ++i) from = from * shape[i] + source[i];
            const std::size_t i = std::size_t(to), j = std::size_t(from);
            ASSERT_EQ(f.values<float>()[i], floats.values<float>()[j]);
            ASSERT_EQ(r.values<Ring>()[i], ring.values<Ring>()[j]);
            ASSERT_EQ(b.values<std::uint8_t>()[i], bytes.values<std::uint8_t>()[j]);
          }
  } while (std::ranges::next_permutation(axes).found);
}

TEST(LayoutKernels, PermuteRefusesWhatIsNoPermutation) {
  const Tensor x = random_floats({2, 3}), y = random_floats({3, 2}), square = random_floats({2, 2});
  EXPECT_NO_THROW(backend({}).permute(std::vector<int>{1, 0}, x, y));
  EXPECT_THROW(backend({}).permute(std::vector<int>{1, 0}, x, x), ArgumentError);
  EXPECT_THROW(backend({}).permute(std::vector<int>{0, 0}, square, square), ArgumentError);
  EXPECT_THROW(backend({}).permute(std::vector<int>{0, 2}, square, square), ArgumentError);
  EXPECT_THROW(backend({}).permute(std::vector<int>{0}, x, x), ArgumentError);
}

TEST(LossKernels, LabelsOutOfRangeAreRefused) {
  const Tensor logits = random_floats({3, 4}), p = random_floats({3, 4}),
               loss = Tensor::full({}, 0);
  for (const std::int32_t bad : {-1, 4, 1 << 30}) {
    const Tensor labels = Tensor::from({3}, std::vector<std::int32_t>{0, bad, 3});
    EXPECT_THROW(backend({}).softmax_cross_entropy(logits, labels, 0, p, loss), ArgumentError);
    EXPECT_THROW(backend({}).softmax_cross_entropy_backward(p, labels, 0, loss, logits),
                 ArgumentError);
  }
}

TEST(LossKernels, LargeLogitsDoNotOverflow) {
  const Tensor logits = Tensor::from({1, 3}, std::vector<float>{1e4f, 0, -1e4f});
  const Tensor p = random_floats({1, 3}), loss = Tensor::full({}, 0);
  const Tensor labels = Tensor::from({1}, std::vector<std::int32_t>{1});
  backend({}).softmax_cross_entropy(logits, labels, 0, p, loss);
  EXPECT_EQ(loss.values<float>()[0], 1e4f);
  EXPECT_EQ(p.values<float>()[0], 1);
  logits.values<float>()[2] = NAN;
  backend({}).softmax_cross_entropy(logits, labels, 0, p, loss);
  EXPECT_TRUE(std::isnan(loss.values<float>()[0]));
}

TEST(CpuKernels, WrongTypesAndShapesAreRefused) {
  Backend& cpu = backend({});
  const Tensor f = random_floats({4}), g = random_floats({5}), r = random_ring({4});
  const Tensor i = Tensor::zeros({4}, DType::int32);
  EXPECT_THROW(cpu.map(Unary::relu, r, r), ArgumentError);
  EXPECT_THROW(cpu.map(Unary::square, i, i), ArgumentError);
  EXPECT_THROW(cpu.map(Unary::relu, f, g), ArgumentError);
  EXPECT_THROW(cpu.map_backward(Unary::relu, f, kNone, f, f), ArgumentError);
  EXPECT_THROW(cpu.zip(Binary::add, f, g, f), ArgumentError);
  EXPECT_THROW(cpu.zip(Binary::add, i, i, i), ArgumentError);
  EXPECT_THROW(cpu.zip(Binary::add, f, r, f), ArgumentError);
  EXPECT_THROW(cpu.axpby(1, r, 0, r), ArgumentError);
  EXPECT_THROW(cpu.scale_shift(f, g, kNone, f), ArgumentError);
  EXPECT_THROW(cpu.column_sum(f, g), ArgumentError);
  EXPECT_THROW(cpu.sum_of_squares({&r, 1}), ArgumentError);
  EXPECT_THROW(cpu.copy(f, g), ArgumentError);
  EXPECT_THROW(cpu.pool({PoolKind::max, 2, 2, 0}, random_ring({1, 2, 2, 1}),
                        random_ring({1, 1, 1, 1}), kNone),
               ArgumentError);
  EXPECT_THROW(cpu.subsample_pad(0, 0, random_floats({1, 2, 2, 1}), random_floats({1, 2, 2, 1})),
               ArgumentError);
}

}  // namespace
}  // namespace hush
