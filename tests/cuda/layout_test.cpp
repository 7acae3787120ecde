// Pooling, permutation and subsampling.
#include <array>
#include <limits>

#include "device_under_test.h"

namespace hush::cuda {
namespace {

class Layout : public DeviceTest {};

struct PoolCase {
  Shape x, y;
  int kernel, stride, padding;
};
const PoolCase kPoolCases[] = {
    {{2, 6, 8, 5}, {2, 3, 4, 5}, 2, 2, 0},  // the usual
    {{1, 7, 9, 3}, {1, 4, 5, 3}, 3, 2, 1},  // overlapping windows that reach over the border
    {{2, 8, 5, 4}, {2, 3, 2, 4}, 2, 3, 0},  // pixels that no window sees
    {{1, 5, 5, 33}, {1, 5, 5, 33}, 3, 1, 1}, {{3, 4, 6, 7}, {3, 7}, 0, 2, 0},  // the whole image
};

PoolOptions options_of(const PoolCase& c, PoolKind kind) {
  return {kind, c.kernel, c.stride, c.padding};
}

TEST_F(Layout, AveragePoolMatchesTheCpu) {
  for (const PoolCase& c : kPoolCases) {
    SCOPED_TRACE(c.x.text());
    const PoolOptions options = options_of(c, PoolKind::average);
    const auto pool = [&](Backend& b, const std::vector<Tensor>& t) {
      b.pool(options, t[0], t[1], {});
    };
    expect_parity({integers(c.x), result(c.y)}, pool);
    expect_parity({random_ring(c.x), result(c.y, DType::ring64)}, pool);
    expect_parity(
        {integers(c.y), result(c.x)},
        [&](Backend& b, const std::vector<Tensor>& t) { b.pool_backward(options, t[0], {}, t[1]); },
        1e-6f);
  }
}

TEST_F(Layout, MaxPoolMatchesTheCpu) {
  for (const PoolCase& c : kPoolCases) {
    SCOPED_TRACE(c.x.text());
    const PoolOptions options = options_of(c, PoolKind::max);
    // Small integers: many ties, which the first of the window wins.
    expect_parity(
        {integers(c.x), result(c.y), result(c.y, DType::int32), integers(c.y), result(c.x)},
        [&](Backend& b, const std::vector<Tensor>& t) {
          b.pool(options, t[0], t[1], t[2]);
          b.pool_backward(options, t[3], t[2], t[4]);
        });
    expect_parity({integers(c.x), result(c.y)}, [&](Backend& b, const std::vector<Tensor>& t) {
      b.pool(options, t[0], t[1], {});
    });
  }
}

TEST_F(Layout, NanWinsAMaxPool) {
  Tensor x = integers({1, 4, 4, 1});
  x.values<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  x.values<float>()[10] = std::numeric_limits<float>::infinity();
  expect_parity({x, result({1, 2, 2, 1}), result({1, 2, 2, 1}, DType::int32)},
                [](Backend& b, const std::vector<Tensor>& t) {
                  b.pool({PoolKind::max, 2, 2, 0}, t[0], t[1], t[2]);
                });
}

TEST_F(Layout, PoolNamesWhatDoesNotFit) {
  const Tensor x = integers({1, 4, 4, 1}).to(kDevice), y = result({1, 2, 2, 1}).to(kDevice);
  EXPECT_THROW(device().pool({PoolKind::max, 5, 1, 0}, x, y, {}), ArgumentError);
  EXPECT_THROW(device().pool({PoolKind::max, 2, 2, 2}, x, y, {}), ArgumentError);
  EXPECT_THROW(device().pool({PoolKind::max, 2, 1, 0}, x, y, {}), ArgumentError);
  EXPECT_THROW(device().pool_backward({PoolKind::max, 2, 2, 0}, y, {}, x), ArgumentError);
}

template <std::size_t rank>
void expect_permuted(const Shape& shape, const std::array<int, rank>& axes) {
  Shape permuted;
  for (const int axis : axes) permuted.append(shape[axis]);
  const auto permute = [&](Backend& b, const std::vector<Tensor>& t) {
    b.permute(axes, t[0], t[1]);
  };
  SCOPED_TRACE(fmt::format("{} to {}", shape.text(), permuted.text()));
  expect_parity({reals(shape), result(permuted)}, permute);
  expect_parity({random_ring(shape), result(permuted, DType::ring64)}, permute);
  Tensor bytes = Tensor::empty(shape, DType::uint8);
  std::uint8_t next = 0;
  for (std::uint8_t& v : bytes.values<std::uint8_t>()) v = next++;
  expect_parity({bytes, result(permuted, DType::uint8)}, permute);
}

TEST_F(Layout, PermuteMatchesTheCpu) {
  expect_permuted<2>({37, 45}, {1, 0});              // one tiled transposition
  expect_permuted<4>({3, 5, 7, 11}, {0, 3, 1, 2});   // NHWC to NCHW: one per image
  expect_permuted<4>({2, 11, 3, 13}, {0, 2, 3, 1});  // and back
  expect_permuted<4>({3, 2, 5, 7}, {3, 2, 0, 1});    // HWIO to OIHW: in general
  expect_permuted<3>({4, 1, 6}, {2, 1, 0});          // an extent of one
  expect_permuted<3>({4, 5, 6}, {0, 1, 2});          // nothing moves
  expect_permuted<6>({2, 3, 2, 3, 2, 3}, {5, 3, 1, 4, 2, 0});
  expect_permuted<2>({0, 4}, {1, 0});
  expect_permuted<1>({9}, {0});
}

TEST_F(Layout, PermuteRefusesWhatIsNoPermutation) {
  const Tensor x = integers({2, 3}).to(kDevice), y = result({3, 2}).to(kDevice);
  EXPECT_THROW(device().permute(std::array{1, 1}, x, y), ArgumentError);
  EXPECT_THROW(device().permute(std::array{0, 1}, x, y), ArgumentError);
  EXPECT_THROW(device().permute(std::array{0}, x, y), ArgumentError);
}

TEST_F(Layout, SubsamplePadMatchesTheCpu) {
  for (const auto& [stride, before] : {std::array{2, 3}, std::array{1, 0}, std::array{3, 1}}) {
    const Shape x{2, 5, 8, 4};
    const Shape y{2, (5 + stride - 1) / stride, (8 + stride - 1) / stride, 9};
    const auto forward = [s = stride, p = before](Backend& b, const std::vector<Tensor>& t) {
      b.subsample_pad(s, p, t[0], t[1]);
    };
    expect_parity({integers(x), result(y)}, forward);
    expect_parity({random_ring(x), result(y, DType::ring64)}, forward);
    expect_parity({integers(y), result(x)},
                  [s = stride, p = before](Backend& b, const std::vector<Tensor>& t) {
                    b.subsample_pad_backward(s, p, t[0], t[1]);
                  });
  }
  const Tensor x = integers({1, 4, 4, 4}).to(kDevice);
  EXPECT_THROW(device().subsample_pad(2, 1, x, result({1, 2, 2, 4}).to(kDevice)), ArgumentError);
}

}  // namespace
}  // namespace hush::cuda
