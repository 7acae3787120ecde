// The activation of a network whose ReLUs are being replaced, and its three gradients in one
// sweep.
//
// The gate belongs to the feature map and is shared by the batch, so chunks are cut from the map
// and each chunk runs through all images: its part of the gate and of the gate's gradient stays in
// the first-level cache, and no sum crosses threads but that of the coefficients.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/gated_activation.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/cpu/channels.h"
#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/loop.h"
#include "core/thread_pool.h"

#ifndef HUSH_CPU_GATED_ROW
#define HUSH_CPU_GATED_ROW
namespace hush {
// A stretch of one image: `width` elements, beginning at channel 0. Coefficients c[0], c[1], c[2]
// are `width` long each; null gradients are not wanted.
struct GatedRow {
  const float *x, *gate, *c[3];
  float* y;
};
struct GatedRowBackward {
  const float *x, *gate, *c[3], *dy;
  float *dx, *d_gate, *d_c[3];
};
}  // namespace hush
#endif

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

void gated_row(const GatedRow& r, std::size_t n) {
  const float *x = r.x, *gate = r.gate, *c0 = r.c[0], *c1 = r.c[1], *c2 = r.c[2];
  float* y = r.y;
  HUSH_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < n; ++i) {
    const float polynomial = (c2[i] * x[i] + c1[i]) * x[i] + c0[i];
    const float relu = x[i] > 0 ? x[i] : 0.0f;
    y[i] = polynomial + gate[i] * (relu - polynomial);
  }
}

void gated_row_backward(const GatedRowBackward& r, std::size_t n) {
  const float *x = r.x, *gate = r.gate, *c0 = r.c[0], *c1 = r.c[1], *c2 = r.c[2], *dy = r.dy;
  float *dx = r.dx, *d_gate = r.d_gate, *d0 = r.d_c[0], *d1 = r.d_c[1], *d2 = r.d_c[2];
  HUSH_INDEPENDENT_ITERATIONS
  for (std::size_t i = 0; i < n; ++i) {
    const float polynomial = (c2[i] * x[i] + c1[i]) * x[i] + c0[i];
    const float relu = x[i] > 0 ? x[i] : 0.0f, step = x[i] > 0 ? 1.0f : 0.0f;
    const float slope = 2 * c2[i] * x[i] + c1[i];
    const float open = dy[i] * (1 - gate[i]);  // what reaches the polynomial
    d_gate[i] += dy[i] * (relu - polynomial);
    d0[i] += open;
    d1[i] += open * x[i];
    d2[i] += open * x[i] * x[i];
    dx[i] = open * slope + dy[i] * gate[i] * step;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(gated_row);
HWY_EXPORT(gated_row_backward);

struct Extents {
  std::size_t images, map;
  ChannelRows rows;  // of one image: pixels × channels
};

Extents check(const Tensor& x, const Tensor& gate, const Tensor& coefficients) {
  constexpr std::string_view kernel = "gated_activation";
  require(x.defined() && x.shape().rank() >= 2, "{}: x is {}, not a batch of maps", kernel,
          x.text());
  Shape map;
  for (int axis = 1; axis < x.shape().rank(); ++axis) map.append(x.shape()[axis]);
  check_float(kernel, "x", x, x.shape());
  check_float(kernel, "gate", gate, map);
  check_float(kernel, "coefficients", coefficients, {3, x.shape()[-1]});
  const std::size_t channels = channels_of(kernel, x), elements = std::size_t(map.elements());
  const std::size_t pixels = channels == 0 ? 0 : elements / channels;
  return {std::size_t(x.shape()[0]), elements, ChannelRows(pixels, channels)};
}

// The three rows of the coefficients, each repeated over the width of a row.
std::vector<float> wide_coefficients(const ChannelRows& rows, const Tensor& coefficients) {
  std::vector<float> wide;
  for (std::size_t k = 0; k < 3; ++k) {
    const auto row = rows.widened(coefficients.data<float>() + k * rows.channels());
    wide.insert(wide.end(), row.begin(), row.end());
  }
  return wide;
}

// Calls f(at, n) for the rows of a stretch of the map: n elements from `at`, at most `width`.
template <class F>
void for_each_row(std::size_t offset, std::size_t count, std::size_t width, F f) {
  for (std::size_t at = 0; at < count; at += width) f(offset + at, std::min(width, count - at));
}

}  // namespace

void CpuBackend::gated_activation(const Tensor& x, const Tensor& gate, const Tensor& coefficients,
                                  const Tensor& y) {
  const Extents e = check(x, gate, coefficients);
  check_float("gated_activation", "y", y, x.shape());
  const std::size_t width = e.rows.width();
  const std::vector<float> c = wide_coefficients(e.rows, coefficients);
  const float *in = x.data<float>(), *open = gate.data<float>();
  float* out = y.data<float>();
  const auto row = HWY_DYNAMIC_DISPATCH(gated_row);
  e.rows.for_each_chunk([&](std::size_t, std::size_t offset, std::size_t count) {
    for (std::size_t image = 0; image < e.images; ++image)
      for_each_row(offset, count, width, [&](std::size_t at, std::size_t n) {
        const std::size_t here = image * e.map + at;
        row({in + here, open + at, {&c[0], &c[width], &c[2 * width]}, out + here}, n);
      });
  });
}

void CpuBackend::gated_activation_backward(const Tensor& x, const Tensor& gate,
                                           const Tensor& coefficients, const Tensor& dy,
                                           const Tensor& dx, const Tensor& d_gate,
                                           const Tensor& d_coefficients) {
  const Extents e = check(x, gate, coefficients);
  check_float("gated_activation_backward", "dy", dy, x.shape());
  check_float("gated_activation_backward", "dx", dx, x.shape());
  check_float("gated_activation_backward", "d_gate", d_gate, gate.shape());
  check_float("gated_activation_backward", "d_coefficients", d_coefficients, coefficients.shape());
  const std::size_t width = e.rows.width(), channels = e.rows.channels();
  const std::vector<float> c = wide_coefficients(e.rows, coefficients);
  std::vector<float> partial(e.rows.chunks() * 3 * width, 0.0f);  // of the coefficients, per chunk
  const float *in = x.data<float>(), *open = gate.data<float>(), *up = dy.data<float>();
  float *down = dx.data<float>(), *gates = d_gate.data<float>();
  std::fill_n(gates, e.map, 0.0f);
  const auto row = HWY_DYNAMIC_DISPATCH(gated_row_backward);
  e.rows.for_each_chunk([&](std::size_t chunk, std::size_t offset, std::size_t count) {
    float* sums = partial.data() + chunk * 3 * width;
    for (std::size_t image = 0; image < e.images; ++image)
      for_each_row(offset, count, width, [&](std::size_t at, std::size_t n) {
        const std::size_t here = image * e.map + at;
        row({in + here,
             open + at,
             {&c[0], &c[width], &c[2 * width]},
             up + here,
             down + here,
             gates + at,
             {sums, sums + width, sums + 2 * width}},
            n);
      });
  });
  d_coefficients.zero();
  std::vector<float> folded(channels);
  for (std::size_t part = 0; part < 3 * e.rows.chunks(); ++part) {
    e.rows.fold(partial.data() + part * width, folded.data());
    float* target = d_coefficients.data<float>() + part % 3 * channels;
    for (std::size_t i = 0; i < channels; ++i) target[i] += folded[i];
  }
}

}  // namespace hush
#endif
