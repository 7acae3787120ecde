// Matrix products and convolutions: every tiling, both element types, exact.
#include "convolution_cases.h"

namespace hush::cuda {
namespace {

constexpr DType kTypes[] = {DType::float32, DType::ring64};

class Products : public DeviceTest {};

struct GemmCase {
  std::int64_t m, n, k;
};

// Small: nothing is a multiple of a tile or a pack. The others have whole packs: one column tile
// of each width, several tiles along each axis, and a depth that is split.
constexpr GemmCase kGemmCases[] = {{1, 1, 1},    {35, 41, 19},   {70, 45, 37},
                                   {72, 48, 40}, {132, 132, 20}, {8, 12, 1040}};

TEST_F(Products, GemmMatchesTheDefinition) {
  for (const DType dtype : kTypes)
    for (const GemmCase& g : kGemmCases) {
      const std::int64_t m = g.m, n = g.n, k = g.k;
      SCOPED_TRACE(fmt::format("{} x {} x {} {}", m, n, k, name_of(dtype)));
      const Tensor a = integers({m, k}, dtype), b = integers({k, n}, dtype);
      Tensor c = Tensor::zeros({m, n}, dtype);
      with_arithmetic_type(dtype, "test", [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t i = 0; i < m; ++i)
          for (std::int64_t j = 0; j < n; ++j)
            for (std::int64_t d = 0; d < k; ++d)
              c.values<T>()[std::size_t(i * n + j)] +=
                  a.values<T>()[std::size_t(i * k + d)] * b.values<T>()[std::size_t(d * n + j)];
      });
      on_device(
          {a, b, result({m, n}, dtype)},
          [](CudaBackend& device, const std::vector<Tensor>& t) {
            device.gemm({}, t[0], t[1], t[2]);
          },
          [&](const std::vector<Tensor>& t) { expect_equal(t[2], c, 0, "c"); });
    }
}

TEST_F(Products, GemmTransposedAndAccumulated) {
  for (const DType dtype : kTypes)
    for (const auto& [m, n, k] : {GemmCase{35, 41, 19}, GemmCase{36, 40, 20}})
      for (int flags = 1; flags < 8; ++flags) {
        SCOPED_TRACE(fmt::format("flags {} {}", flags, name_of(dtype)));
        const GemmOptions o{(flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
        expect_parity(
            {integers(o.transpose_a ? Shape{k, m} : Shape{m, k}, dtype),
             integers(o.transpose_b ? Shape{n, k} : Shape{k, n}, dtype), integers({m, n}, dtype)},
            [&](Backend& b, const std::vector<Tensor>& t) { b.gemm(o, t[0], t[1], t[2]); });
      }
}

TEST_F(Products, ASplitProductIsAddedUpOnce) {
  for (const DType dtype : kTypes)
    expect_parity(
        {integers({8, 1040}, dtype), integers({1040, 12}, dtype), integers({8, 12}, dtype)},
        [&](Backend& b, const std::vector<Tensor>& t) {
          b.gemm({.accumulate = true}, t[0], t[1], t[2]);
        });
}

TEST_F(Products, AnEmptySumIsZero) {
  expect_parity({integers({3, 0}), integers({0, 5}), result({3, 5})},
                [](Backend& b, const std::vector<Tensor>& t) { b.gemm({}, t[0], t[1], t[2]); });
}

TEST_F(Products, GemmNamesWhatDoesNotFit) {
  const auto on = [](const Tensor& t) { return t.to(kDevice); };
  const Tensor a = on(integers({3, 4})), b = on(integers({5, 6})), c = on(result({3, 6}));
  EXPECT_THROW(device().gemm({}, a, b, c), ArgumentError);
  EXPECT_THROW(device().gemm({}, a, on(integers({4, 6})), on(result({6, 3}))), ArgumentError);
  EXPECT_THROW(device().gemm({}, a, integers({4, 6}), c), ArgumentError);  // on the host
}

TEST_F(Products, ConvolutionMatchesTheCpu) {
  for (const DType dtype : kTypes)
    for (const ConvCase& c : kConvCases) {
      SCOPED_TRACE(fmt::format("{}, {}", c.name, name_of(dtype)));
      expect_parity({integers(c.x(), dtype), integers(c.w(), dtype), result(c.y(), dtype)},
                    [&](Backend& b, const std::vector<Tensor>& t) {
                      b.conv2d(c.options, t[0], t[1], {}, t[2]);
                    });
    }
}

TEST_F(Products, ConvolutionEpilogue) {
  for (const DType dtype : kTypes)
    for (const ConvCase& c : {kConvCases[0], kConvCases[1], kConvCases[11], kConvCases[13]})
      for (int flags = 1; flags < 8; ++flags) {
        const bool bias = flags & 1, residual = flags & 2, relu = flags & 4;
        if (relu && dtype == DType::ring64) continue;
        SCOPED_TRACE(fmt::format("{}, {}, flags {}", c.name, name_of(dtype), flags));
        expect_parity({integers(c.x(), dtype), integers(c.w(), dtype), result(c.y(), dtype),
                       bias ? integers({c.out_channels}, dtype, 50) : Tensor(),
                       residual ? integers(c.y(), dtype, 50) : Tensor()},
                      [&](Backend& b, const std::vector<Tensor>& t) {
                        b.conv2d(c.options, t[0], t[1], {t[3], t[4], relu}, t[2]);
                      });
      }
}

TEST_F(Products, ConvolutionGradientsMatchTheCpu) {
  for (const DType dtype : kTypes)
    for (const ConvCase& c : kConvCases) {
      SCOPED_TRACE(fmt::format("{}, {}", c.name, name_of(dtype)));
      expect_parity({integers(c.y(), dtype), integers(c.w(), dtype), result(c.x(), dtype)},
                    [&](Backend& b, const std::vector<Tensor>& t) {
                      b.conv2d_backward_input(c.options, t[0], t[1], t[2]);
                    });
      expect_parity({integers(c.x(), dtype), integers(c.y(), dtype), result(c.w(), dtype)},
                    [&](Backend& b, const std::vector<Tensor>& t) {
                      b.conv2d_backward_weight(c.options, t[0], t[1], t[2]);
                    });
    }
}

// Rows of a larger tensor start where no pack does.
TEST_F(Products, UnalignedMemory) {
  expect_parity({integers({9, 5, 1}), integers({8, 4}), result({8, 4})},
                [](Backend& b, const std::vector<Tensor>& t) {
                  const Tensor a = t[0].reshaped({45}).rows(1, 32).reshaped({4, 8});
                  const Tensor w = t[1].reshaped({32}).rows(0, 32).reshaped({8, 4});
                  b.gemm({}, a, w, t[2].reshaped({32}).rows(3, 16).reshaped({4, 4}));
                });
}

TEST_F(Products, ConvolutionNamesWhatDoesNotFit) {
  const auto x = integers({1, 4, 4, 3}).to(kDevice), w = integers({3, 3, 3, 2}).to(kDevice);
  const auto y = [](const Shape& shape) { return result(shape).to(kDevice); };
  EXPECT_NO_THROW(device().conv2d({}, x, w, {}, y({1, 2, 2, 2})));
  EXPECT_THROW(device().conv2d({}, x, w, {}, y({1, 4, 4, 2})), ArgumentError);
  EXPECT_THROW(device().conv2d({.stride = 0}, x, w, {}, y({1, 2, 2, 2})), ArgumentError);
  EXPECT_THROW(device().conv2d({.groups = 2}, x, w, {}, y({1, 2, 2, 2})), ArgumentError);
  EXPECT_THROW(device().conv2d({}, x, w, {y({3}), {}, false}, y({1, 2, 2, 2})), ArgumentError);
}

}  // namespace
}  // namespace hush::cuda
