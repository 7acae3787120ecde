// Reductions and batch normalisation: channel counts below, at and above a warp, rows that fill
// one chunk or many.
#include <cmath>

#include "device_under_test.h"

namespace hush::cuda {
namespace {

class Reductions : public DeviceTest {};

// The last has several chunks of rows for its folded warp of 4-channel rows.
const Shape kShapes[] = {{5, 1}, {7, 3}, {33, 4}, {2, 3, 5, 32}, {9, 45}, {70, 70}, {2, 23, 29, 4}};

TEST_F(Reductions, ColumnSumMatchesTheCpu) {
  for (const DType dtype : {DType::float32, DType::ring64})
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(fmt::format("{} {}", shape.text(), name_of(dtype)));
      expect_parity({integers(shape, dtype), result({shape[-1]}, dtype)},
                    [](Backend& b, const std::vector<Tensor>& t) { b.column_sum(t[0], t[1]); });
    }
  expect_parity({integers({0, 5}), result({5})},
                [](Backend& b, const std::vector<Tensor>& t) { b.column_sum(t[0], t[1]); });
}

TEST_F(Reductions, SumOfSquaresMatchesTheCpu) {
  const std::vector<Tensor> host = {integers({3}), integers({20000}), integers({0}),
                                    integers({7, 9})};
  const double expected = backend({}).sum_of_squares(host);
  std::vector<Tensor> there;
  for (const Tensor& t : host) there.push_back(t.to(kDevice));
  for (int order = 0; order < thread_orders(); ++order) {
    set_thread_order(order);
    EXPECT_EQ(device().sum_of_squares(there), expected);
  }
  EXPECT_EQ(device().sum_of_squares({}), 0);
}

TEST_F(Reductions, ChannelStatisticsMatchTheCpu) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.text());
    expect_parity(
        {reals(shape), result({shape[-1]}), result({shape[-1]})},
        [](Backend& b, const std::vector<Tensor>& t) { b.channel_statistics(t[0], t[1], t[2]); },
        2e-6f);
  }
}

TEST_F(Reductions, InverseDeviationMatchesItsDefinition) {
  const Tensor variance = reals({37}, 0, 3);
  Tensor expected = Tensor::empty({37}, DType::float32);
  for (std::size_t c = 0; c < 37; ++c)
    expected.values<float>()[c] = float(1 / std::sqrt(double(variance.values<float>()[c]) + 0.01));
  const auto call = [](Backend& b, const std::vector<Tensor>& t) {
    b.inverse_deviation(0.01f, t[0], t[1]);
  };
  expect_parity({variance, result({37})}, call, 1e-6f);
  const std::vector<Tensor> here = {variance, result({37})};
  call(backend({}), here);
  expect_equal(here[1], expected, 1e-6f, "on the CPU");
  EXPECT_THROW(call(device(), {variance.to(kDevice), result({36}).to(kDevice)}), ArgumentError);
  EXPECT_THROW(call(backend({}), {variance, result({36})}), ArgumentError);
}

struct NormCase {
  bool relu, residual;
};
constexpr NormCase kNormCases[] = {{false, false}, {true, false}, {false, true}, {true, true}};

std::vector<Tensor> forward_tensors(const Shape& shape, const NormCase& c) {
  const Shape channels{shape[-1]};
  return {reals(shape, 3, 7),    reals(channels, 0.5f, 2),
          reals(channels),       c.residual ? reals(shape) : Tensor(),
          reals(channels, 4, 6), reals(channels, 1, 2),
          result(shape),         result(channels),
          result(channels)};
}

BatchNormForward forward(const std::vector<Tensor>& t) {
  return {t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8]};
}

TEST_F(Reductions, BatchNormTrainMatchesTheCpu) {
  for (const Shape& shape : kShapes)
    for (const NormCase& c : kNormCases) {
      SCOPED_TRACE(fmt::format("{} relu {} residual {}", shape.text(), c.relu, c.residual));
      const BatchNormOptions options{1e-3f, 0.25f, c.relu};
      expect_parity(
          forward_tensors(shape, c),
          [&](Backend& b, const std::vector<Tensor>& t) {
            b.batch_norm_train(options, forward(t));
          },
          1e-5f);
    }
  const std::vector<Tensor> one_row = forward_tensors({1, 3}, {});
  std::vector<Tensor> there;
  for (const Tensor& t : one_row) there.push_back(t.defined() ? t.to(kDevice) : t);
  EXPECT_THROW(device().batch_norm_train({}, forward(there)), ArgumentError);
}

TEST_F(Reductions, AVarianceFarFromZeroIsExact) {  // where a sum of squares would cancel
  Tensor x = Tensor::empty({64, 2}, DType::float32);
  for (std::size_t i = 0; i < 128; ++i)
    x.values<float>()[i] = 100000.0f + float(i / 2 % 2) * (i % 2 == 0 ? 1.0f : 2.0f);
  on_device(
      {x, result({2}), result({2})},
      [](CudaBackend& device, const std::vector<Tensor>& t) {
        device.channel_statistics(t[0], t[1], t[2]);
      },
      [](const std::vector<Tensor>& t) {
        EXPECT_NEAR(t[2].values<float>()[0], 0.25f, 1e-2f);
        EXPECT_NEAR(t[2].values<float>()[1], 1.0f, 1e-2f);
      });
}

TEST_F(Reductions, BatchNormInferMatchesTheCpu) {
  for (const Shape& shape : {kShapes[1], kShapes[3], Shape{0, 4}})
    for (const NormCase& c : kNormCases)
      for (const bool in_place : {false, true}) {
        SCOPED_TRACE(fmt::format("{} relu {} residual {}", shape.text(), c.relu, c.residual));
        expect_parity(
            forward_tensors(shape, c),
            [&](Backend& b, const std::vector<Tensor>& t) {
              BatchNormForward tensors = forward(t);
              if (in_place) tensors.y = tensors.x;
              b.batch_norm_infer({1e-3f, 0.25f, c.relu}, tensors);
            },
            1e-5f);
      }
}

TEST_F(Reductions, BatchNormBackwardMatchesTheCpu) {
  for (const Shape& shape : kShapes)
    for (const NormCase& c : kNormCases) {
      SCOPED_TRACE(fmt::format("{} relu {} residual {}", shape.text(), c.relu, c.residual));
      const Shape channels{shape[-1]};
      expect_parity(
          {reals(shape), reals(channels, 0.5f, 2), reals(channels), reals(channels, 0.5f, 1),
           c.relu ? integers(shape, 1) : Tensor(), integers(shape), result(shape), result(channels),
           result(channels), c.residual ? result(shape) : Tensor()},
          [&](Backend& b, const std::vector<Tensor>& t) {
            b.batch_norm_backward({1e-3f, 0.25f, c.relu},
                                  {t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9]});
          },
          3e-5f);
    }
}

// Sums over more values than x has, as if another rank had the rest.
TEST_F(Reductions, BatchNormGradientInHalvesMatchesTheCpu) {
  for (const Shape& shape : kShapes)
    for (const NormCase& c : kNormCases) {
      SCOPED_TRACE(fmt::format("{} relu {} residual {}", shape.text(), c.relu, c.residual));
      const Shape channels{shape[-1]};
      expect_parity(
          {reals(shape), reals(channels, 0.5f, 2), reals(channels), reals(channels, 0.5f, 1),
           c.relu ? integers(shape, 1) : Tensor(), integers(shape), result(shape), result(channels),
           result(channels), c.residual ? result(shape) : Tensor()},
          [&](Backend& b, const std::vector<Tensor>& t) {
            const BatchNormOptions options{1e-3f, 0.25f, c.relu};
            const BatchNormBackward tensors{t[0], t[1], t[2], t[3], t[4],
                                            t[5], t[6], t[7], t[8], t[9]};
            b.batch_norm_gradient_sums(options, tensors);
            b.axpby(0.5f, t[7], 1, t[8]);
            b.batch_norm_input_gradient(options, tensors, 2.5 * double(shape.elements()));
          },
          3e-5f);
    }
}

}  // namespace
}  // namespace hush::cuda
