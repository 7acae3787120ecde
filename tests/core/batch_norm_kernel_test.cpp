// Batch norm over tensors of many chunks: statistics, running statistics, awkward numbers. (Small
// shapes, gradients and the fused forms are rows of the op table.)
#include <gtest/gtest.h>

#include "core/backend.h"
#include "tests/support/op_conformance.h"

namespace hush {
namespace {

reference::Array<double> random_array(const Shape& shape, double mean, double deviation) {
  reference::Array<double> array(shape);
  RandomStream random(3, RandomUse::test, std::uint64_t(shape[-1]));
  for (double& x : array.values) x = double(float(mean + deviation * double(random.normal())));
  return array;
}

struct Norm {
  Norm(const Shape& shape, double mean, double deviation)
      : input(random_array(shape, mean, deviation)) {
    const Shape c{shape[-1]};
    t.x = tensor_of<float>(input, {});
    t.gamma = Tensor::full(c, 1);
    t.beta = Tensor::full(c, 0);
    t.running_mean = Tensor::full(c, 0);
    t.running_var = Tensor::full(c, 1);
    t.mean = Tensor::empty(c, DType::float32);
    t.inverse_deviation = Tensor::empty(c, DType::float32);
    t.y = Tensor::empty(shape, DType::float32);
  }
  reference::Array<double> input;
  BatchNormForward t;
};

class BatchNormStatistics : public testing::TestWithParam<int> {};

TEST_P(BatchNormStatistics, AgreeOverManyChunksFarFromZero) {
  const int channels = GetParam();
  Norm norm({40000, channels}, 1000, 0.1);
  backend({}).batch_norm_train({.epsilon = 0, .momentum = 0.25f}, norm.t);
  const reference::ChannelMoments want = reference::channel_moments(norm.input);
  for (std::size_t c = 0; c < std::size_t(channels); ++c) {
    const double inverse = double(norm.t.inverse_deviation.values<float>()[c]);
    EXPECT_NEAR(double(norm.t.mean.values<float>()[c]), want.mean[c], 1e-4);
    EXPECT_NEAR(inverse * std::sqrt(want.variance[c]), 1, 1e-5);
    EXPECT_NEAR(double(norm.t.running_mean.values<float>()[c]), 0.25 * want.mean[c], 1e-4);
    EXPECT_NEAR(double(norm.t.running_var.values<float>()[c]),
                0.75 + 0.25 * want.variance[c] * want.count / (want.count - 1), 1e-6);
  }
}

// Fewer channels than a vector has elements, as many, and several cache lines of them.
INSTANTIATE_TEST_SUITE_P(Channels, BatchNormStatistics, testing::Values(1, 3, 16, 24, 65, 130));

TEST(BatchNormKernel, BackwardAgreesOverManyChunks) {
  for (const std::int64_t channels : {3, 64, 130}) {
    const Shape shape{9000, channels};
    const Norm norm(shape, 0.5, 2);
    backend({}).batch_norm_train({}, norm.t);
    const reference::Array<double> dy = random_array(shape, 0.1, 1);
    BatchNormBackward b;
    b.x = norm.t.x, b.gamma = norm.t.gamma, b.mean = norm.t.mean;
    b.inverse_deviation = norm.t.inverse_deviation;
    b.dy = tensor_of<float>(dy, {});
    b.dx = Tensor::empty(shape, DType::float32);
    b.d_gamma = Tensor::empty({channels}, DType::float32);
    b.d_beta = Tensor::empty({channels}, DType::float32);
    backend({}).batch_norm_backward({}, b);

    const reference::ChannelMoments m = reference::channel_moments(norm.input);
    const std::size_t width = std::size_t(channels), n = dy.values.size();
    std::vector<double> x_hat(n), d_gamma(width), d_beta(width), dx(n);
    for (std::size_t i = 0; i < n; ++i) {
      x_hat[i] = (norm.input.values[i] - m.mean[i % width]) / std::sqrt(m.variance[i % width]);
      d_gamma[i % width] += dy.values[i] * x_hat[i];
      d_beta[i % width] += dy.values[i];
    }
    for (std::size_t i = 0; i < n; ++i)
      dx[i] =
          (dy.values[i] - d_beta[i % width] / m.count - x_hat[i] * d_gamma[i % width] / m.count) /
          std::sqrt(m.variance[i % width]);
    expect_close(doubles(b.d_gamma), d_gamma, 1e-5, "d_gamma");
    expect_close(doubles(b.d_beta), d_beta, 1e-5, "d_beta");
    expect_close(doubles(b.dx), dx, 1e-5, "dx");
  }
}

TEST(BatchNormKernel, ConstantChannelGivesBeta) {
  Norm norm({64, 5}, 3, 0);
  norm.t.beta = Tensor::full({5}, 0.25f);
  backend({}).batch_norm_train({}, norm.t);
  for (const float y : norm.t.y.values<float>()) EXPECT_EQ(y, 0.25f);
}

TEST(BatchNormKernel, NanShowsInItsChannelAlone) {
  Norm norm({40, 3}, 0, 1);
  norm.t.x.values<float>()[1] = NAN;
  backend({}).batch_norm_train({.relu = true}, norm.t);
  for (std::size_t i = 0; i < 120; ++i)
    EXPECT_EQ(std::isnan(norm.t.y.values<float>()[i]), i % 3 == 1) << i;
}

TEST(BatchNormKernel, OneValuePerChannelHasNoVariance) {
  const Norm norm({1, 1, 1, 4}, 0, 1);
  EXPECT_THROW(backend({}).batch_norm_train({}, norm.t), ArgumentError);
}

TEST(BatchNormKernel, WrongTensorsAreRefused) {
  Norm norm({4, 3}, 0, 1);
  norm.t.y = Tensor::empty({4, 2}, DType::float32);
  EXPECT_THROW(backend({}).batch_norm_train({}, norm.t), ArgumentError);
  EXPECT_THROW(backend({}).batch_norm_infer({}, norm.t), ArgumentError);
  Norm other({4, 3}, 0, 1);
  other.t.gamma = Tensor::full({4}, 1);
  EXPECT_THROW(backend({}).batch_norm_train({}, other.t), ArgumentError);
}

}  // namespace
}  // namespace hush
