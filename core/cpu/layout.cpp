// Kernels that only move elements: permute, and ResNet's subsampling shortcut.
#include <cstring>

#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/thread_pool.h"

namespace hush {
namespace {

struct SubsampleGeometry {
  std::int64_t images, height, width, channels, out_height, out_width, out_channels;
};

SubsampleGeometry subsample_geometry(std::string_view kernel, int stride, int before,
                                     const Tensor& x, const Tensor& y) {
  check_rank(kernel, "the image", x, 4);
  check_rank(kernel, "the subsampled image", y, 4);
  require(stride > 0 && before >= 0, "{}: stride {}, {} channels before", kernel, stride, before);
  const Shape &in = x.shape(), &out = y.shape();
  const Shape wanted{in[0], (in[1] + stride - 1) / stride, (in[2] + stride - 1) / stride, out[3]};
  check_tensor(kernel, "the subsampled image", y, wanted, x.dtype());
  require(in[3] + before <= out[3], "{}: {} channels and {} before do not fit {}", kernel, in[3],
          before, out[3]);
  return {in[0], in[1], in[2], in[3], out[1], out[2], out[3]};
}

// Calls f(index of the pixel in y, index of the pixel in x) for the pixels that y takes from x.
template <class F>
void for_each_kept_pixel(const SubsampleGeometry& g, int stride, F f) {
  parallel_chunks(std::size_t(g.images * g.out_height), [&](std::size_t chunk) {
    const std::int64_t row = std::int64_t(chunk), image = row / g.out_height;
    const std::int64_t source = (image * g.height + row % g.out_height * stride) * g.width;
    for (std::int64_t w = 0; w < g.out_width; ++w) f(row * g.out_width + w, source + w * stride);
  });
}

}  // namespace

void CpuBackend::subsample_pad(int stride, int before, const Tensor& x, const Tensor& y) {
  const SubsampleGeometry g = subsample_geometry("subsample_pad", stride, before, x, y);
  with_arithmetic_type(x.dtype(), "subsample_pad", [&](auto zero) {
    using T = decltype(zero);
    const T* in = x.data<T>();
    T* out = y.data<T>();
    for_each_kept_pixel(g, stride, [&](std::int64_t to, std::int64_t from) {
      T* pixel = out + to * g.out_channels;
      std::fill(pixel, pixel + before, T(0));
      std::copy_n(in + from * g.channels, g.channels, pixel + before);
      std::fill(pixel + before + g.channels, pixel + g.out_channels, T(0));
    });
  });
}

void CpuBackend::subsample_pad_backward(int stride, int before, const Tensor& dy,
                                        const Tensor& dx) {
  const SubsampleGeometry g = subsample_geometry("subsample_pad_backward", stride, before, dx, dy);
  check_float("subsample_pad_backward", "dx", dx, dx.shape());
  const float* out = dy.data<float>();
  float* in = dx.data<float>();
  zero(dx);
  for_each_kept_pixel(g, stride, [&](std::int64_t to, std::int64_t from) {
    std::copy_n(out + to * g.out_channels + before, g.channels, in + from * g.channels);
  });
}

namespace {

// y's axes with their extents and their strides in x, in elements; neighbours that x stores
// together are merged.
struct Axis {
  std::int64_t extent, stride;
};
std::vector<Axis> merged_axes(std::span<const int> axes, const Shape& shape) {
  std::vector<std::int64_t> strides(axes.size(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i)
    strides[std::size_t(i)] = strides[std::size_t(i) + 1] * shape[i + 1];
  std::vector<Axis> result;
  for (const int axis : axes) {
    const Axis next{shape[axis], strides[std::size_t(axis)]};
    if (!result.empty() && result.back().stride == next.stride * next.extent)
      result.back() = {result.back().extent * next.extent, next.stride};
    else
      result.push_back(next);
  }
  if (result.empty()) result.push_back({1, 1});
  return result;
}

template <class T>
void permute_elements(const std::vector<Axis>& axes, const T* x, T* y) {
  const Axis inner = axes.back();
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < axes.size(); ++i) rows *= axes[i].extent;
  const std::size_t grain =
      std::size_t(std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, inner.extent)));
  parallel_for(std::size_t(rows), grain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      std::int64_t rest = std::int64_t(row), offset = 0;
      for (std::size_t i = axes.size() - 1; i-- > 0; rest /= axes[i].extent)
        offset += rest % axes[i].extent * axes[i].stride;
      const T* from = x + offset;
      T* to = y + std::int64_t(row) * inner.extent;
      for (std::int64_t j = 0; j < inner.extent; ++j) to[j] = from[j * inner.stride];
    }
  });
}

}  // namespace

void CpuBackend::permute(std::span<const int> axes, const Tensor& x, const Tensor& y) {
  require(x.defined() && int(axes.size()) == x.shape().rank(), "permute: {} axes for {}",
          axes.size(), x.text());
  Shape wanted;
  std::uint32_t seen = 0;
  for (const int axis : axes) {
    require(axis >= 0 && axis < x.shape().rank() && (seen >> axis & 1) == 0,
            "permute: the axes are not a permutation of those of {}", x.text());
    seen |= 1u << axis;
    wanted.append(x.shape()[axis]);
  }
  check_tensor("permute", "x", x, x.shape(), x.dtype());
  check_tensor("permute", "y", y, wanted, x.dtype());
  if (x.elements() == 0) return;
  const std::vector<Axis> merged = merged_axes(axes, x.shape());
  const void* from = x.raw();
  void* to = y.raw();
  switch (size_of(x.dtype())) {
    case 1:
      return permute_elements(merged, static_cast<const std::uint8_t*>(from),
                              static_cast<std::uint8_t*>(to));
    case 4:
      return permute_elements(merged, static_cast<const std::uint32_t*>(from),
                              static_cast<std::uint32_t*>(to));
    default:
      return permute_elements(merged, static_cast<const std::uint64_t*>(from),
                              static_cast<std::uint64_t*>(to));
  }
}

}  // namespace hush
