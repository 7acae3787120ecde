// Convolution and its weight's gradient as products that read images where they lie (implicit
// GEMM).
//
//   forward           y  [pixel of y, k]  = Σ over (tap, c)      x [pixel under the tap, c] w
//   weight's gradient dw [(tap, c), k]    = Σ over pixels of y   x [pixel under the tap, c] dy
//
// convolution_gradient.cuh has the input's gradient.
// Images are NHWC and weights [KH, KW, C / groups, K], so that the innermost index of every operand
// is contiguous. Each group is a product of its own (blockIdx.z).
#pragma once

#include "cuda/kernels/conv_shape.h"
#include "cuda/kernels/divisor.cuh"
#include "cuda/kernels/product_launch.cuh"

namespace hush::cuda {

// x under the taps: outer is a pixel of y, depth is (tap, channel of the group).
template <class T>
struct PatchOperand {
  static constexpr bool kDepthInner = true;
  struct Cursor {
    int image;  // its first pixel
    int top, left;
  };
  const T* x;
  int height, width, channels, stride, padding;
  Divisor out_pixels, out_width, group_channels, kernel_width;

  PatchOperand(const ConvShape& s, const T* image)
      : x(image),
        height(s.height),
        width(s.width),
        channels(s.channels),
        stride(s.stride),
        padding(s.padding),
        out_pixels(s.out_height * s.out_width),
        out_width(s.out_width),
        group_channels(s.group_channels()),
        kernel_width(s.kernel_width) {}

  __device__ const T* base() const { return x; }
  __device__ void select(int group) { x += group * int(group_channels.divisor); }
  __device__ Cursor cursor(int pixel) const {
    const int n = out_pixels.quotient(pixel), rest = out_pixels.remainder(pixel);
    const int oh = out_width.quotient(rest), ow = out_width.remainder(rest);
    return {n * height * width, oh * stride - padding, ow * stride - padding};
  }
  __device__ const T* address(const Cursor& at, int depth) const {
    const int tap = group_channels.quotient(depth);
    const int c = depth - tap * int(group_channels.divisor);
    const int kh = kernel_width.quotient(tap);
    const int h = at.top + kh, w = at.left + tap - kh * int(kernel_width.divisor);
    if (unsigned(h) >= unsigned(height) || unsigned(w) >= unsigned(width)) return nullptr;
    return x + std::int64_t{at.image + h * width + w} * channels + c;
  }
};

// x for the weight's gradient: outer is (tap, channel of the group), depth is a pixel of y.
template <class T>
struct PixelOperand {
  static constexpr bool kDepthInner = false;
  struct Cursor {
    int channel, top, left;
  };
  const T* x;
  int height, width, channels, stride, padding;
  Divisor out_pixels, out_width, group_channels, kernel_width;

  PixelOperand(const ConvShape& s, const T* image)
      : x(image),
        height(s.height),
        width(s.width),
        channels(s.channels),
        stride(s.stride),
        padding(s.padding),
        out_pixels(s.out_height * s.out_width),
        out_width(s.out_width),
        group_channels(s.group_channels()),
        kernel_width(s.kernel_width) {}

  __device__ const T* base() const { return x; }
  __device__ void select(int group) { x += group * int(group_channels.divisor); }
  __device__ Cursor cursor(int row) const {
    const int tap = group_channels.quotient(row), kh = kernel_width.quotient(tap);
    return {group_channels.remainder(row), kh - padding, kernel_width.remainder(tap) - padding};
  }
  __device__ const T* address(const Cursor& at, int pixel) const {
    const int n = out_pixels.quotient(pixel), rest = pixel - n * int(out_pixels.divisor);
    const int oh = out_width.quotient(rest), ow = rest - oh * int(out_width.divisor);
    const int h = oh * stride + at.top, w = ow * stride + at.left;
    if (unsigned(h) >= unsigned(height) || unsigned(w) >= unsigned(width)) return nullptr;
    return x + std::int64_t{(n * height + h) * width + w} * channels + at.channel;
  }
};

// Whether both channel counts of a group, and so every row of an operand, hold whole packs.
template <class T>
bool has_whole_packs(const ConvShape& s) {
  constexpr int width = 16 / int(sizeof(T));
  return s.group_channels() % width == 0 && s.group_out_channels() % width == 0;
}

// bias [K] and residual (like y) may be null. Elements of outputs, here and below, are of type O.
template <ProductKind kind, class T, class O = T>
void convolution(const Queue& queue, const ConvShape& s, const T* x, const T* w, const O* bias,
                 const O* residual, bool relu, O* y) {
  const int step = s.group_out_channels();
  const bool vectors = has_whole_packs<T>(s) && is_aligned(x) && is_aligned(w) && is_aligned(y) &&
                       is_aligned(bias) && is_aligned(residual);
  product<kind, T>(queue, {s.out_pixels(), step, s.taps() * s.group_channels()}, s.groups, vectors,
                   PatchOperand<T>(s, x), MatrixOperand<T, false>{w, s.out_channels, step},
                   MatrixOutput<O>{.at = y,
                                   .pitch = s.out_channels,
                                   .bias = bias,
                                   .residual = residual,
                                   .relu = relu,
                                   .group_step = step});
}

template <ProductKind kind, class T, class O = T>
void convolution_backward_weight(const Queue& queue, const ConvShape& s, const T* x, const T* dy,
                                 O* dw) {
  const int step = s.group_out_channels();
  const bool vectors = has_whole_packs<T>(s) && is_aligned(x) && is_aligned(dy) && is_aligned(dw);
  product<kind, T>(queue, {s.taps() * s.group_channels(), step, s.out_pixels()}, s.groups, vectors,
                   PixelOperand<T>(s, x), MatrixOperand<T, false>{dy, s.out_channels, step},
                   MatrixOutput<O>{.at = dw, .pitch = s.out_channels, .group_step = step});
}

}  // namespace hush::cuda
