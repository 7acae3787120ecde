// Pooling of [N, H, W, C]. Channels are innermost, so every loop over a window runs over whole
// vectors of channels; images are shared out among the threads, and the windows of one image,
// which may overlap, are added in order.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/loop.h"
#include "core/thread_pool.h"

namespace hush {

#ifndef HUSH_CORE_CPU_POOL_GEOMETRY
#define HUSH_CORE_CPU_POOL_GEOMETRY
namespace {

// Where the windows of a pooling lie.
struct PoolGeometry {
  std::int64_t images, height, width, channels, out_height, out_width;
  std::int64_t kernel_height, kernel_width, stride, padding;

  // The part of window `index` along one axis that lies inside the image.
  struct Range {
    std::int64_t begin, end;
  };
  Range rows(std::int64_t index) const { return range(index, kernel_height, height); }
  Range columns(std::int64_t index) const { return range(index, kernel_width, width); }
  std::int64_t input_size() const { return height * width * channels; }
  std::int64_t output_size() const { return out_height * out_width * channels; }

 private:
  Range range(std::int64_t index, std::int64_t kernel, std::int64_t extent) const {
    const std::int64_t first = index * stride - padding;
    return {std::max<std::int64_t>(first, 0), std::min(first + kernel, extent)};
  }
};

}  // namespace
#endif

}  // namespace hush

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

template <class T>
void add_pixel(const T* HWY_RESTRICT x, T* HWY_RESTRICT y, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] += x[c];
}

// The sums over the windows of one image.
template <class T>
void sum_windows(const PoolGeometry& g, const T* x, T* y) {
  for (std::int64_t oh = 0; oh < g.out_height; ++oh) {
    const auto rows = g.rows(oh);
    for (std::int64_t ow = 0; ow < g.out_width; ++ow, y += g.channels) {
      const auto columns = g.columns(ow);
      std::fill(y, y + g.channels, T(0));
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w)
          add_pixel(x + (h * g.width + w) * g.channels, y, g.channels);
    }
  }
}

void average_image_float(const PoolGeometry& g, const float* x, float* y) {
  sum_windows(g, x, y);
  const float area = float(g.kernel_height * g.kernel_width);
  for (std::int64_t i = 0; i < g.output_size(); ++i) y[i] /= area;
}
void sum_image_ring(const PoolGeometry& g, const Ring* x, Ring* y) {
  sum_windows(g, x, y);
}

// The first maximum of each window; the last NaN if there is one, as in PyTorch.
void max_pixel(const float* HWY_RESTRICT x, std::int32_t offset, float* HWY_RESTRICT y,
               std::int32_t* HWY_RESTRICT argmax, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const bool wins = x[c] > y[c] || x[c] != x[c];
    y[c] = wins ? x[c] : y[c];
    argmax[c] = wins ? offset + std::int32_t(c) : argmax[c];
  }
}

void max_image_float(const PoolGeometry& g, const float* x, float* y, std::int32_t* argmax) {
  for (std::int64_t oh = 0; oh < g.out_height; ++oh) {
    const auto rows = g.rows(oh);
    for (std::int64_t ow = 0; ow < g.out_width; ++ow, y += g.channels, argmax += g.channels) {
      const auto columns = g.columns(ow);
      const std::int64_t first = (rows.begin * g.width + columns.begin) * g.channels;
      std::copy(x + first, x + first + g.channels, y);
      for (std::int64_t c = 0; c < g.channels; ++c) argmax[c] = std::int32_t(first + c);
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w) {
          const std::int64_t offset = (h * g.width + w) * g.channels;
          if (offset != first) max_pixel(x + offset, std::int32_t(offset), y, argmax, g.channels);
        }
    }
  }
}

void scaled_pixel(const float* HWY_RESTRICT dy, float factor, float* HWY_RESTRICT dx,
                  std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c) dx[c] += dy[c] * factor;
}

// Adds to dx, which holds zeros.
void average_image_backward(const PoolGeometry& g, const float* dy, float* dx) {
  const float factor = 1.0f / float(g.kernel_height * g.kernel_width);
  for (std::int64_t oh = 0; oh < g.out_height; ++oh) {
    const auto rows = g.rows(oh);
    for (std::int64_t ow = 0; ow < g.out_width; ++ow, dy += g.channels) {
      const auto columns = g.columns(ow);
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w)
          scaled_pixel(dy, factor, dx + (h * g.width + w) * g.channels, g.channels);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(average_image_float);
HWY_EXPORT(sum_image_ring);
HWY_EXPORT(max_image_float);
HWY_EXPORT(average_image_backward);

// The geometry for an image tensor x and a pooled tensor y, checked.
PoolGeometry geometry(std::string_view kernel, const PoolOptions& options, const Tensor& x,
                      const Tensor& y) {
  check_rank(kernel, "the image", x, 4);
  const Shape& in = x.shape();
  if (options.kernel == 0) {
    check_tensor(kernel, "the pooled tensor", y, {in[0], in[3]}, x.dtype());
    require(in[1] > 0 && in[2] > 0, "{}: image {} has no pixels", kernel, in.text());
    return {in[0], in[1], in[2], in[3], 1, 1, in[1], in[2], 1, 0};
  }
  require(options.kernel > 0 && options.stride > 0 && options.padding >= 0 &&
              2 * options.padding <= options.kernel,
          "{}: kernel {}, stride {}, padding {}: padding may be half the kernel at most", kernel,
          options.kernel, options.stride, options.padding);
  const auto extent = [&](std::int64_t size) {
    const std::int64_t slack = size + 2 * options.padding - options.kernel;
    require(slack >= 0, "{}: kernel {} is larger than the padded image {}", kernel, options.kernel,
            in.text());
    return slack / options.stride + 1;
  };
  const std::int64_t height = extent(in[1]), width = extent(in[2]);
  check_tensor(kernel, "the pooled tensor", y, {in[0], height, width, in[3]}, x.dtype());
  return {in[0], in[1],          in[2],          in[3],          height,
          width, options.kernel, options.kernel, options.stride, options.padding};
}

}  // namespace

void CpuBackend::pool(const PoolOptions& options, const Tensor& x, const Tensor& y,
                      const Tensor& argmax) {
  const PoolGeometry g = geometry("pool", options, x, y);
  const std::size_t images = std::size_t(g.images);
  if (options.kind == PoolKind::max) {
    check_float("max pool", "x", x, x.shape());
    require(g.input_size() <= std::numeric_limits<std::int32_t>::max(),
            "max pool: an image of {} does not fit 32-bit offsets", x.shape().text());
    if (argmax.defined()) check_tensor("max pool", "argmax", argmax, y.shape(), DType::int32);
    const float* in = x.data<float>();
    float* out = y.data<float>();
    const Tensor winners = argmax.defined() ? argmax : Tensor::empty(y.shape(), DType::int32);
    std::int32_t* best = winners.data<std::int32_t>();
    return parallel_chunks(images, [&](std::size_t n) {
      const std::int64_t image = std::int64_t(n);
      HWY_DYNAMIC_DISPATCH(max_image_float)
      (g, in + image * g.input_size(), out + image * g.output_size(),
       best + image * g.output_size());
    });
  }
  with_arithmetic_type(x.dtype(), "average pool", [&](auto zero) {
    using T = decltype(zero);
    const T* in = x.data<T>();
    T* out = y.data<T>();
    parallel_chunks(images, [&](std::size_t n) {
      const T* from = in + std::int64_t(n) * g.input_size();
      T* to = out + std::int64_t(n) * g.output_size();
      if constexpr (std::is_same_v<T, float>)
        HWY_DYNAMIC_DISPATCH(average_image_float)(g, from, to);
      else
        HWY_DYNAMIC_DISPATCH(sum_image_ring)(g, from, to);
    });
  });
}

void CpuBackend::pool_backward(const PoolOptions& options, const Tensor& dy, const Tensor& argmax,
                               const Tensor& dx) {
  check_float("pool_backward", "dx", dx, dx.shape());
  const PoolGeometry g = geometry("pool_backward", options, dx, dy);
  const bool max = options.kind == PoolKind::max;
  if (max) check_tensor("pool_backward", "argmax", argmax, dy.shape(), DType::int32);
  const std::int32_t* best = max ? argmax.data<std::int32_t>() : nullptr;
  const float* out = dy.data<float>();
  float* in = dx.data<float>();
  parallel_chunks(std::size_t(g.images), [&](std::size_t n) {
    const std::int64_t image = std::int64_t(n);
    const float* gradient = out + image * g.output_size();
    float* target = in + image * g.input_size();
    std::fill(target, target + g.input_size(), 0.0f);
    if (!max) return HWY_DYNAMIC_DISPATCH(average_image_backward)(g, gradient, target);
    const std::int32_t* winner = best + image * g.output_size();
    for (std::int64_t i = 0; i < g.output_size(); ++i) target[winner[i]] += gradient[i];
  });
}

}  // namespace hush
#endif  // HWY_ONCE
