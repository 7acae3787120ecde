// Elementwise kernels: plain loops over the functions of core/scalar.h, which the compiler
// vectorises once for each instruction set. Large tensors are cut into chunks of 16 Ki elements.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "core/cpu/channels.h"
#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/loop.h"
#include "core/scalar.h"
#include "core/thread_pool.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

template <class F, class T>
void map_loop(F f, const T* x, T* y, std::size_t n) {
  HUSH_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

template <class F, class T>
void zip_loop(F f, const T* a, const T* b, T* c, std::size_t n) {
  HUSH_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < n; ++i) c[i] = f(a[i], b[i]);
}

void map_float(Unary f, const float* x, float* y, std::size_t n) {
  switch (f) {
    case Unary::relu:
      return map_loop(scalar::Relu{}, x, y, n);
    case Unary::silu:
      return map_loop(scalar::Silu{}, x, y, n);
    case Unary::sigmoid:
      return map_loop(scalar::Sigmoid{}, x, y, n);
    case Unary::square:
      return map_loop(scalar::Square{}, x, y, n);
    case Unary::negate:
      return map_loop(scalar::Negate{}, x, y, n);
  }
}

void map_ring(Unary f, const Ring* x, Ring* y, std::size_t n) {
  if (f == Unary::square) return map_loop(scalar::Square{}, x, y, n);
  return map_loop(scalar::Negate{}, x, y, n);
}

// `argument` is y for relu and sigmoid, x for the others.
void map_backward_float(Unary f, const float* argument, const float* dy, float* dx, std::size_t n) {
  switch (f) {
    case Unary::relu:
      return zip_loop(scalar::ReluBackward{}, argument, dy, dx, n);
    case Unary::silu:
      return zip_loop(scalar::SiluBackward{}, argument, dy, dx, n);
    case Unary::sigmoid:
      return zip_loop(scalar::SigmoidBackward{}, argument, dy, dx, n);
    case Unary::square:
      return zip_loop(scalar::SquareBackward{}, argument, dy, dx, n);
    case Unary::negate:
      return map_loop(scalar::Negate{}, dy, dx, n);
  }
}

template <class T>
void zip(Binary f, const T* a, const T* b, T* c, std::size_t n) {
  switch (f) {
    case Binary::add:
      return zip_loop(scalar::Sum{}, a, b, c, n);
    case Binary::subtract:
      return zip_loop(scalar::Difference{}, a, b, c, n);
    case Binary::multiply:
      return zip_loop(scalar::Product{}, a, b, c, n);
  }
}
void zip_float(Binary f, const float* a, const float* b, float* c, std::size_t n) {
  zip(f, a, b, c, n);
}
void zip_ring(Binary f, const Ring* a, const Ring* b, Ring* c, std::size_t n) {
  zip(f, a, b, c, n);
}

void axpby_float(float alpha, const float* x, float beta, float* y, std::size_t n) {
  if (beta == 0) {  // y may hold anything, NaN included
    HUSH_INDEPENDENT_ITERATIONS
    for (std::size_t i = 0; i < n; ++i) y[i] = alpha * x[i];
  } else {
    HUSH_INDEPENDENT_ITERATIONS
    for (std::size_t i = 0; i < n; ++i) y[i] = alpha * x[i] + beta * y[i];
  }
}

// One chunk that starts at channel 0; scale and shift are `width` wide, either may be null.
template <class T>
void scale_shift(const T* x, const T* scale, const T* shift, T* y, std::size_t n,
                 std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const T* in = x + row;
    T* out = y + row;
    const std::size_t count = std::min(width, n - row);
    if (scale != nullptr && shift != nullptr) {
      HUSH_INDEPENDENT_ITERATIONS
      for (std::size_t j = 0; j < count; ++j) out[j] = in[j] * scale[j] + shift[j];
    } else if (scale != nullptr) {
      zip_loop(scalar::Product{}, in, scale, out, count);
    } else {
      zip_loop(scalar::Sum{}, in, shift, out, count);
    }
  }
}
void scale_shift_float(const float* x, const float* scale, const float* shift, float* y,
                       std::size_t n, std::size_t width) {
  scale_shift(x, scale, shift, y, n, width);
}
void scale_shift_ring(const Ring* x, const Ring* scale, const Ring* shift, Ring* y, std::size_t n,
                      std::size_t width) {
  scale_shift(x, scale, shift, y, n, width);
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(map_float);
HWY_EXPORT(map_ring);
HWY_EXPORT(map_backward_float);
HWY_EXPORT(zip_float);
HWY_EXPORT(zip_ring);
HWY_EXPORT(axpby_float);
HWY_EXPORT(scale_shift_float);
HWY_EXPORT(scale_shift_ring);

constexpr std::size_t kGrain = 16384;  // elements a chunk

// Calls f(offset, count) for chunks of n elements.
template <class F>
void in_chunks(std::size_t n, F f) {
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) { f(begin, end - begin); });
}

}  // namespace

void CpuBackend::map(Unary f, const Tensor& x, const Tensor& y) {
  check_tensor("map", "y", y, x.shape(), x.dtype());
  const std::size_t n = std::size_t(x.elements());
  if (x.dtype() == DType::ring64) {
    require(f == Unary::square || f == Unary::negate,
            "map: only square and negate exist over the ring");
    const Ring* in = x.data<Ring>();
    Ring* out = y.data<Ring>();
    return in_chunks(n, [&](std::size_t i, std::size_t count) {
      HWY_DYNAMIC_DISPATCH(map_ring)(f, in + i, out + i, count);
    });
  }
  const float* in = x.data<float>();
  float* out = y.data<float>();
  in_chunks(n, [&](std::size_t i, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(map_float)(f, in + i, out + i, count);
  });
}

void CpuBackend::map_backward(Unary f, const Tensor& x, const Tensor& y, const Tensor& dy,
                              const Tensor& dx) {
  const Tensor& wanted = f == Unary::relu || f == Unary::sigmoid ? y : x;
  const Tensor& argument = f == Unary::negate ? dy : wanted;
  check_float("map_backward", "argument", argument, dy.shape());
  check_float("map_backward", "dy", dy, dy.shape());
  check_float("map_backward", "dx", dx, dy.shape());
  const float* a = argument.data<float>();
  const float* in = dy.data<float>();
  float* out = dx.data<float>();
  in_chunks(std::size_t(dy.elements()), [&](std::size_t i, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(map_backward_float)(f, a + i, in + i, out + i, count);
  });
}

void CpuBackend::zip(Binary f, const Tensor& a, const Tensor& b, const Tensor& c) {
  check_tensor("zip", "b", b, a.shape(), a.dtype());
  check_tensor("zip", "c", c, a.shape(), a.dtype());
  with_arithmetic_type(a.dtype(), "zip", [&](auto zero) {
    using T = decltype(zero);
    const T* left = a.data<T>();
    const T* right = b.data<T>();
    T* out = c.data<T>();
    in_chunks(std::size_t(a.elements()), [&](std::size_t i, std::size_t count) {
      if constexpr (std::is_same_v<T, float>)
        HWY_DYNAMIC_DISPATCH(zip_float)(f, left + i, right + i, out + i, count);
      else
        HWY_DYNAMIC_DISPATCH(zip_ring)(f, left + i, right + i, out + i, count);
    });
  });
}

void CpuBackend::inverse_deviation(float epsilon, const Tensor& variance, const Tensor& y) {
  check_rank("inverse_deviation", "variance", variance, 1);
  check_float("inverse_deviation", "variance", variance, variance.shape());
  check_float("inverse_deviation", "y", y, variance.shape());
  std::ranges::transform(variance.values<float>(), y.values<float>().begin(),
                         [=](float v) { return 1 / std::sqrt(v + epsilon); });
}

void CpuBackend::axpby(float alpha, const Tensor& x, float beta, const Tensor& y) {
  check_float("axpby", "x", x, x.shape());
  check_float("axpby", "y", y, x.shape());
  const float* in = x.data<float>();
  float* out = y.data<float>();
  in_chunks(std::size_t(x.elements()), [&](std::size_t i, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(axpby_float)(alpha, in + i, beta, out + i, count);
  });
}

void CpuBackend::scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift,
                             const Tensor& y) {
  const std::size_t channels = channels_of("scale_shift", x);
  const Shape per_channel{std::int64_t(channels)};
  check_tensor("scale_shift", "y", y, x.shape(), x.dtype());
  if (scale.defined()) check_tensor("scale_shift", "scale", scale, per_channel, x.dtype());
  if (shift.defined()) check_tensor("scale_shift", "shift", shift, per_channel, x.dtype());
  if (!scale.defined() && !shift.defined()) return copy(x, y);
  if (x.elements() == 0) return;
  with_arithmetic_type(x.dtype(), "scale_shift", [&](auto zero) {
    using T = decltype(zero);
    const ChannelRows rows(std::size_t(x.elements()) / channels, channels);
    const AlignedVector<T> wide_scale =
        scale.defined() ? rows.widened(scale.data<T>()) : AlignedVector<T>{};
    const AlignedVector<T> wide_shift =
        shift.defined() ? rows.widened(shift.data<T>()) : AlignedVector<T>{};
    const T* factor = scale.defined() ? wide_scale.data() : nullptr;
    const T* summand = shift.defined() ? wide_shift.data() : nullptr;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    rows.for_each_chunk([&](std::size_t, std::size_t i, std::size_t count) {
      if constexpr (std::is_same_v<T, float>) HWY_DYNAMIC_DISPATCH(scale_shift_float)
      (in + i, factor, summand, out + i, count, rows.width());
      else HWY_DYNAMIC_DISPATCH(scale_shift_ring)(in + i, factor, summand, out + i, count,
                                                  rows.width());
    });
  });
}

void CpuBackend::channel_multiply(const Tensor& x, const Tensor& gate, const Tensor& y) {
  check_rank("channel_multiply", "x", x, 4);
  const std::int64_t images = x.shape()[0], channels = x.shape()[3];
  check_tensor("channel_multiply", "gate", gate, {images, channels}, x.dtype());
  check_tensor("channel_multiply", "y", y, x.shape(), x.dtype());
  const Tensor none;
  for (std::int64_t n = 0; n < images; ++n)
    scale_shift(x.rows(n, 1), gate.rows(n, 1).reshaped({channels}), none, y.rows(n, 1));
}

}  // namespace hush
#endif  // HWY_ONCE
