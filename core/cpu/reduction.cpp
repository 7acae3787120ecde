// Reductions: partial results per chunk of the problem, added in order.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/reduction.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/cpu/channels.h"
#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/loop.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

// sums[j] += the elements of column j of x, seen as rows of `width`.
template <class T>
void add_columns(const T* HWY_RESTRICT x, T* HWY_RESTRICT sums, std::size_t n, std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const std::size_t count = std::min(width, n - row);
    for (std::size_t j = 0; j < count; ++j) sums[j] += x[row + j];
  }
}
void add_columns_float(const float* x, float* sums, std::size_t n, std::size_t width) {
  add_columns(x, sums, n, width);
}
void add_columns_ring(const Ring* x, Ring* sums, std::size_t n, std::size_t width) {
  add_columns(x, sums, n, width);
}

double sum_of_squares_double(const float* x, std::size_t n) {
  constexpr std::size_t lanes = 32;  // independent sums, enough to hide the latency of an addition
  double sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      sums[lane] += double(x[i + lane]) * double(x[i + lane]);
  double total = 0;
  for (; i < n; ++i) total += double(x[i]) * double(x[i]);
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(add_columns_float);
HWY_EXPORT(add_columns_ring);
HWY_EXPORT(sum_of_squares_double);

}  // namespace

void CpuBackend::column_sum(const Tensor& x, const Tensor& y) {
  const std::size_t channels = channels_of("column_sum", x);
  check_tensor("column_sum", "y", y, {std::int64_t(channels)}, x.dtype());
  if (x.elements() == 0) return zero(y);
  with_arithmetic_type(x.dtype(), "column_sum", [&](auto nought) {
    using T = decltype(nought);
    using Wide = std::conditional_t<std::is_same_v<T, float>, double, Ring>;
    const ChannelRows rows(std::size_t(x.elements()) / channels, channels);
    const T* in = x.data<T>();
    std::vector<T> partial(rows.chunks() * channels);
    rows.for_each_chunk([&](std::size_t chunk, std::size_t i, std::size_t count) {
      AlignedVector<T> sums(rows.width());
      if constexpr (std::is_same_v<T, float>)
        HWY_DYNAMIC_DISPATCH(add_columns_float)(in + i, sums.data(), count, rows.width());
      else
        HWY_DYNAMIC_DISPATCH(add_columns_ring)(in + i, sums.data(), count, rows.width());
      rows.fold(sums.data(), partial.data() + chunk * channels);
    });
    std::vector<Wide> total(channels);
    for (std::size_t i = 0; i < partial.size(); ++i) total[i % channels] += partial[i];
    std::transform(total.begin(), total.end(), y.data<T>(), [](Wide sum) { return T(sum); });
  });
}

double CpuBackend::sum_of_squares(std::span<const Tensor> tensors) {
  constexpr std::size_t grain = 65536;
  double total = 0;
  for (const Tensor& tensor : tensors) {
    check_float("sum_of_squares", "x", tensor, tensor.shape());
    const float* x = tensor.data<float>();
    const std::size_t n = std::size_t(tensor.elements());
    std::vector<double> partial((n + grain - 1) / grain);
    parallel_for(n, grain, [&](std::size_t begin, std::size_t end) {
      partial[begin / grain] = HWY_DYNAMIC_DISPATCH(sum_of_squares_double)(x + begin, end - begin);
    });
    for (const double part : partial) total += part;
  }
  return total;
}

}  // namespace hush
#endif  // HWY_ONCE
