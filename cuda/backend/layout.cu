// Kernels of the CUDA backend that only move elements.
#include "cuda/kernels/layout.cuh"

#include <vector>

#include "cuda/arguments.h"
#include "cuda/backend.h"

namespace hush::cuda {
namespace {

struct Axis {
  std::int64_t extent, stride;  // in y, and of its neighbours in x
};

// y's axes; neighbours that x stores together are merged, extents of one dropped.
std::vector<Axis> merged_axes(std::span<const int> axes, const Shape& shape) {
  std::vector<std::int64_t> strides(axes.size(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i)
    strides[std::size_t(i)] = strides[std::size_t(i + 1)] * shape[i + 1];
  std::vector<Axis> result;
  for (const int axis : axes) {
    const Axis next{shape[axis], strides[std::size_t(axis)]};
    if (next.extent == 1) continue;
    if (!result.empty() && result.back().stride == next.stride * next.extent)
      result.back() = {result.back().extent * next.extent, next.stride};
    else
      result.push_back(next);
  }
  return result;
}

template <class T>
void permute_elements(const Queue& queue, const std::vector<Axis>& axes, const void* from, void* to,
                      int n) {
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  // [batch, columns, rows] that x stores as [batch, rows, columns]: both sides contiguous by tiles.
  const std::size_t last = axes.size() - 1;
  const bool two =
      axes.size() == 2 || (axes.size() == 3 && axes[0].stride == axes[1].extent * axes[2].extent);
  if (two && axes[last - 1].stride == 1 && axes[last].stride == axes[last - 1].extent)
    return transpose(queue, x, y, axes.size() == 3 ? int(axes[0].extent) : 1,
                     int(axes[last].extent), int(axes[last - 1].extent));
  PermuteAxes permutation;
  for (const Axis& axis : axes) {
    permutation.extent[permutation.rank] = Divisor(axis.extent);
    permutation.stride[permutation.rank++] = axis.stride;
  }
  for_each_element(queue, n, PermuteBody<T>{permutation, x, y});
}

struct SubsampleShape {
  int height, width, channels, out_height, out_width, out_channels;
};

SubsampleShape subsample_shape(const Arguments& check, std::string_view kernel, int stride,
                               int before, const Tensor& x, const Tensor& y) {
  check.rank("the image", x, 4).rank("the subsampled image", y, 4);
  require(stride > 0 && before >= 0, "{}: stride {}, {} channels before", kernel, stride, before);
  const Shape &in = x.shape(), &out = y.shape();
  const Shape wanted{in[0], ceil_div(in[1], stride), ceil_div(in[2], stride), out[3]};
  check.tensor("the subsampled image", y, wanted, x.dtype());
  require(in[3] + before <= out[3], "{}: {} channels and {} before do not fit {}", kernel, in[3],
          before, out[3]);
  check.extent("the number of elements", x.elements());
  check.extent("the number of elements", y.elements());
  return {int(in[1]), int(in[2]), int(in[3]), int(out[1]), int(out[2]), int(out[3])};
}

}  // namespace

void CudaBackend::permute(std::span<const int> axes, const Tensor& x, const Tensor& y) {
  const Arguments check("permute", device_);
  check.tensor("x", x, x.shape(), x.dtype());
  require(int(axes.size()) == x.shape().rank(), "permute: {} axes for {}", axes.size(), x.text());
  Shape wanted;
  std::uint32_t seen = 0;
  for (const int axis : axes) {
    require(axis >= 0 && axis < x.shape().rank() && (seen >> axis & 1) == 0,
            "permute: the axes are not a permutation of those of {}", x.text());
    seen |= 1u << axis;
    wanted.append(x.shape()[axis]);
  }
  check.tensor("y", y, wanted, x.dtype());
  const int n = check.extent("the number of elements", x.elements());
  if (n == 0) return;
  const std::vector<Axis> merged = merged_axes(axes, x.shape());
  if (merged.size() <= 1) return copy(x.reshaped(wanted), y);
  switch (size_of(x.dtype())) {
    case 1:
      return permute_elements<std::uint8_t>(queue(), merged, x.raw(), y.raw(), n);
    case 4:
      return permute_elements<std::uint32_t>(queue(), merged, x.raw(), y.raw(), n);
    default:
      return permute_elements<std::uint64_t>(queue(), merged, x.raw(), y.raw(), n);
  }
}

void CudaBackend::subsample_pad(int stride, int before, const Tensor& x, const Tensor& y) {
  const Arguments check("subsample_pad", device_);
  const SubsampleShape s = subsample_shape(check, "subsample_pad", stride, before, x, y);
  if (y.elements() == 0) return;
  with_arithmetic_type(x.dtype(), "subsample_pad", [&](auto zero) {
    using T = decltype(zero);
    for_each_element(
        queue(), y.elements(),
        SubsampleBody<T>{{Divisor(s.out_channels), Divisor(s.out_width), Divisor(s.out_height)},
                         s.height,
                         s.width,
                         s.channels,
                         stride,
                         before,
                         x.device_data<T>(),
                         y.device_data<T>()});
  });
}

void CudaBackend::subsample_pad_backward(int stride, int before, const Tensor& dy,
                                         const Tensor& dx) {
  const Arguments check("subsample_pad_backward", device_);
  const SubsampleShape s = subsample_shape(check, "subsample_pad_backward", stride, before, dx, dy);
  if (dx.elements() == 0) return;
  with_arithmetic_type(dy.dtype(), "subsample_pad_backward", [&](auto zero) {
    using T = decltype(zero);
    for_each_element(
        queue(), dx.elements(),
        SubsampleGradientBody<T>{{Divisor(s.channels), Divisor(s.width), Divisor(s.height)},
                                 s.out_height,
                                 s.out_width,
                                 s.out_channels,
                                 Divisor(stride),
                                 before,
                                 dy.device_data<T>(),
                                 dx.device_data<T>()});
  });
}

}  // namespace hush::cuda
