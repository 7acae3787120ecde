// Elementwise kernels, in place and out of place; sizes around a block's 1024 elements.
#include <cmath>
#include <limits>

#include "device_under_test.h"

namespace hush::cuda {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Unary kFunctions[] = {Unary::relu, Unary::silu, Unary::sigmoid, Unary::square,
                                Unary::negate};
constexpr Binary kOperations[] = {Binary::add, Binary::subtract, Binary::multiply};
// The device fuses multiplications with additions, the CPU may not.
constexpr float kRounding = 2e-6f;

class Elementwise : public DeviceTest {};

TEST_F(Elementwise, MapMatchesTheCpu) {
  for (const Unary f : kFunctions)
    for (const std::int64_t n : {1, 255, 1025}) {
      SCOPED_TRACE(fmt::format("function {}, {} elements", int(f), n));
      expect_parity(
          {reals({n}, -9, 9), result({n})},
          [&](Backend& b, const std::vector<Tensor>& t) { b.map(f, t[0], t[1]); }, kRounding);
      expect_parity(
          {reals({n}, -9, 9)},
          [&](Backend& b, const std::vector<Tensor>& t) { b.map(f, t[0], t[0]); }, kRounding);
    }
}

TEST_F(Elementwise, NanStaysNan) {
  for (const Unary f : kFunctions)
    on_device(
        {Tensor::from<float>({2}, std::vector{kNan, 1.0f})},
        [&](CudaBackend& device, const std::vector<Tensor>& t) { device.map(f, t[0], t[0]); },
        [](const std::vector<Tensor>& t) {
          EXPECT_TRUE(std::isnan(t[0].values<float>()[0]));
          EXPECT_FALSE(std::isnan(t[0].values<float>()[1]));
        });
}

TEST_F(Elementwise, MapOverTheRing) {
  for (const Unary f : {Unary::square, Unary::negate})
    expect_parity({random_ring({777}), result({777}, DType::ring64)},
                  [&](Backend& b, const std::vector<Tensor>& t) { b.map(f, t[0], t[1]); });
  const Tensor x = random_ring({3}).to(kDevice);
  EXPECT_THROW(device().map(Unary::relu, x, x), ArgumentError);
}

TEST_F(Elementwise, MapBackwardMatchesTheCpu) {
  for (const Unary f : kFunctions) {
    SCOPED_TRACE(fmt::format("function {}", int(f)));
    const bool of_y = f == Unary::relu || f == Unary::sigmoid;
    const Tensor argument = f == Unary::sigmoid ? reals({1100}, 0, 1) : reals({1100});
    for (const bool in_place : {false, true})
      expect_parity(
          {of_y ? Tensor() : argument, of_y ? argument : Tensor(), reals({1100}, -1, 1),
           result({1100})},
          [&](Backend& b, const std::vector<Tensor>& t) {
            b.map_backward(f, t[0], t[1], t[2], in_place ? t[2] : t[3]);
          },
          kRounding);
  }
}

TEST_F(Elementwise, ZipMatchesTheCpu) {
  for (const Binary f : kOperations)
    for (const std::int64_t n : {1, 1023, 2049}) {
      SCOPED_TRACE(fmt::format("operation {}, {} elements", int(f), n));
      expect_parity({integers({n}), integers({n}, 9), result({n})},
                    [&](Backend& b, const std::vector<Tensor>& t) { b.zip(f, t[0], t[1], t[2]); });
      expect_parity({random_ring({n}), integers({n}, DType::ring64, 9)},
                    [&](Backend& b, const std::vector<Tensor>& t) { b.zip(f, t[0], t[1], t[0]); });
    }
}

TEST_F(Elementwise, AxpbyMatchesTheCpu) {
  for (const float beta : {0.0f, 1.0f, -0.5f})
    expect_parity({integers({1500}), integers({1500}, 8)},
                  [&](Backend& b, const std::vector<Tensor>& t) { b.axpby(2, t[0], beta, t[1]); });
  expect_parity({integers({70}), result({70})},  // beta 0 overwrites NaN
                [](Backend& b, const std::vector<Tensor>& t) { b.axpby(3, t[0], 0, t[1]); });
}

TEST_F(Elementwise, ScaleShiftMatchesTheCpu) {
  for (const DType dtype : {DType::float32, DType::ring64})
    for (int flags = 0; flags < 4; ++flags) {
      SCOPED_TRACE(fmt::format("{}, flags {}", name_of(dtype), flags));
      expect_parity(
          {integers({3, 5, 7, 11}, dtype), flags & 1 ? integers({11}, dtype, 9) : Tensor(),
           flags & 2 ? integers({11}, dtype, 50) : Tensor(), result({3, 5, 7, 11}, dtype)},
          [](Backend& b, const std::vector<Tensor>& t) { b.scale_shift(t[0], t[1], t[2], t[3]); });
    }
}

TEST_F(Elementwise, ChannelMultiplyMatchesTheCpu) {
  for (const DType dtype : {DType::float32, DType::ring64})
    expect_parity(
        {integers({3, 4, 5, 7}, dtype), integers({3, 7}, dtype, 9), result({3, 4, 5, 7}, dtype)},
        [](Backend& b, const std::vector<Tensor>& t) { b.channel_multiply(t[0], t[1], t[2]); });
}

TEST_F(Elementwise, NothingToDo) {
  expect_parity({integers({0}), integers({0}), result({0})},
                [](Backend& b, const std::vector<Tensor>& t) {
                  b.zip(Binary::add, t[0], t[1], t[2]);
                  b.map(Unary::square, t[0], t[2]);
                });
}

TEST_F(Elementwise, NamesWhatDoesNotFit) {
  const auto on = [](const Tensor& t) { return t.to(kDevice); };
  EXPECT_THROW(device().zip(Binary::add, on(integers({3})), on(integers({4})), on(result({3}))),
               ArgumentError);
  EXPECT_THROW(device().zip(Binary::add, on(integers({3})), on(random_ring({3})), on(result({3}))),
               ArgumentError);
  EXPECT_THROW(device().map(Unary::relu, integers({3}), on(result({3}))), ArgumentError);
  EXPECT_THROW(device().map(Unary::relu, Tensor(), on(result({3}))), ArgumentError);
}

// Replaced ReLU.

TEST_F(Elementwise, GatedActivationMatchesTheCpu) {
  // An odd map, and one whose four channels are folded from a warp; gates open, shut and between.
  for (const Shape& shape : {Shape{3, 5, 7, 6}, Shape{2, 9, 5, 4}, Shape{4, 10}}) {
    SCOPED_TRACE(shape.text());
    Shape map;
    for (int axis = 1; axis < shape.rank(); ++axis) map.append(shape[axis]);
    Tensor gate = reals(map, 0, 1);
    gate.values<float>()[0] = 0;
    gate.values<float>()[1] = 1;
    const Tensor x = reals(shape), coefficients = reals({3, shape[-1]}, -1, 1);
    expect_parity(
        {x, gate, coefficients, result(shape)},
        [](Backend& b, const std::vector<Tensor>& t) {
          b.gated_activation(t[0], t[1], t[2], t[3]);
        },
        kRounding);
    expect_parity(
        {x, gate, coefficients, integers(shape), result(shape), result(map),
         result({3, shape[-1]})},
        [](Backend& b, const std::vector<Tensor>& t) {
          b.gated_activation_backward(t[0], t[1], t[2], t[3], t[4], t[5], t[6]);
        },
        2e-5f);
  }
}

}  // namespace
}  // namespace hush::cuda
