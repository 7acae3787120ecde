// The gradient of a convolution's input, as products that read images where they lie:
//
//   dx [pixel of x, c] = Σ over (tap, k)   dy [pixel over the tap, k] w
#pragma once

#include <algorithm>

#include "cuda/kernels/convolution.cuh"

namespace hush::cuda {

// The pixels of x of one *class*: those whose row and column leave the same remainder when divided
// by the stride. Along an axis, pixel first + stride · i is connected with output i + base - j
// through tap first_tap + stride · j, for j = 0 … taps - 1: to a class, the input's gradient is one
// of stride 1, and no tap is multiplied with the zeros between outputs.
struct PixelClass {
  struct Axis {
    int first, extent;    // of the class's pixels
    int first_tap, taps;  // that reach them
    int base;

    Axis(const ConvShape& s, int remainder, int pixels, int kernel)
        : first(remainder),
          extent(int(ceil_div(pixels - remainder, s.stride))),
          first_tap((remainder + s.padding) % s.stride),
          taps(int(ceil_div(std::max(0, kernel - first_tap), s.stride))),
          base((remainder + s.padding) / s.stride) {}
  };
  Axis rows, columns;
  int stride;

  // Class (row, column); both below the stride and the image's extents.
  PixelClass(const ConvShape& s, int row, int column)
      : rows(s, row, s.height, s.kernel_height),
        columns(s, column, s.width, s.kernel_width),
        stride(s.stride) {}
  int pixels() const { return rows.extent * columns.extent; }  // of an image
  int taps() const { return rows.taps * columns.taps; }
};

// dy over the taps: outer is a pixel of the class, depth is (tap of the class, output channel of
// the group).
template <class T>
struct GradientPatchOperand {
  static constexpr bool kDepthInner = true;
  struct Cursor {
    int image;  // its first pixel
    int bottom, right;
  };
  const T* dy;
  int out_height, out_width, out_channels;
  int row_base, column_base;
  Divisor pixels, width, group_out_channels, kernel_width;

  GradientPatchOperand(const ConvShape& s, const PixelClass& c, const T* gradient)
      : dy(gradient),
        out_height(s.out_height),
        out_width(s.out_width),
        out_channels(s.out_channels),
        row_base(c.rows.base),
        column_base(c.columns.base),
        pixels(c.pixels()),
        width(c.columns.extent),
        group_out_channels(s.group_out_channels()),
        kernel_width(std::max(1, c.columns.taps)) {}

  __device__ const T* base() const { return dy; }
  __device__ void select(int group) { dy += group * int(group_out_channels.divisor); }
  __device__ Cursor cursor(int pixel) const {
    const int n = pixels.quotient(pixel), rest = pixels.remainder(pixel);
    return {n * out_height * out_width, width.quotient(rest) + row_base,
            width.remainder(rest) + column_base};
  }
  __device__ const T* address(const Cursor& at, int depth) const {
    const int tap = group_out_channels.quotient(depth);
    const int k = depth - tap * int(group_out_channels.divisor);
    const int kh = kernel_width.quotient(tap);
    const int h = at.bottom - kh, w = at.right - (tap - kh * int(kernel_width.divisor));
    if (unsigned(h) >= unsigned(out_height) || unsigned(w) >= unsigned(out_width)) return nullptr;
    return dy + std::int64_t{at.image + h * out_width + w} * out_channels + k;
  }
};

// w for the input's gradient: outer is a channel of x, depth is (tap of the class, output channel).
template <class T>
struct TransposedWeightOperand {
  static constexpr bool kDepthInner = true;
  using Cursor = const T*;
  const T* w;  // at the class's first tap
  int out_channels;
  std::int64_t row_step, column_step;
  Divisor group_out_channels, kernel_width;

  TransposedWeightOperand(const ConvShape& s, const PixelClass& c, const T* weight)
      : out_channels(s.out_channels),
        group_out_channels(s.group_out_channels()),
        kernel_width(std::max(1, c.columns.taps)) {
    const std::int64_t tap = std::int64_t{s.group_channels()} * s.out_channels;
    w = weight + (c.rows.first_tap * s.kernel_width + c.columns.first_tap) * tap;
    row_step = tap * s.kernel_width * c.stride;
    column_step = tap * c.stride;
  }

  __device__ const T* base() const { return w; }
  __device__ void select(int group) { w += group * int(group_out_channels.divisor); }
  __device__ Cursor cursor(int channel) const { return w + std::int64_t{channel} * out_channels; }
  __device__ const T* address(const Cursor& start, int depth) const {
    const int tap = group_out_channels.quotient(depth);
    const int k = depth - tap * int(group_out_channels.divisor);
    const int kh = kernel_width.quotient(tap), kw = tap - kh * int(kernel_width.divisor);
    return start + kh * row_step + kw * column_step + k;
  }
};

// The pixels of a class in dx: row i of the product is pixel i of the class.
template <class T>
struct PixelClassOutput {
  using Element = T;
  T* at;
  std::int64_t pitch;  // channels
  std::int64_t group_step;
  std::int64_t split_step = 0;
  int image_pixels, width;  // of dx
  int first_row, first_column, stride;
  Divisor class_pixels, class_width;

  PixelClassOutput(const ConvShape& s, const PixelClass& c, T* dx)
      : at(dx),
        pitch(s.channels),
        group_step(s.group_channels()),
        image_pixels(s.height * s.width),
        width(s.width),
        first_row(c.rows.first),
        first_column(c.columns.first),
        stride(c.stride),
        class_pixels(c.pixels()),
        class_width(c.columns.extent) {}

  // A part holds nothing but the class.
  PixelClassOutput part(T* parts, std::int64_t size) const {
    PixelClassOutput result = *this;
    result.at = parts;
    result.split_step = size;
    result.image_pixels = int(class_pixels.divisor);
    result.width = int(class_width.divisor);
    result.first_row = result.first_column = 0;
    result.stride = 1;
    return result;
  }
  __device__ void select(int group) { at += group * group_step; }
  template <int V>
  __device__ void store(int row, int column, int split, const Pack<T, V>& values) const {
    const int n = class_pixels.quotient(row), rest = row - n * int(class_pixels.divisor);
    const int h = class_width.quotient(rest), w = rest - h * int(class_width.divisor);
    const std::int64_t pixel = std::int64_t{n} * image_pixels + (first_row + h * stride) * width +
                               first_column + w * stride;
    *reinterpret_cast<Pack<T, V>*>(at + split * split_step + pixel * pitch + column) = values;
  }
};

// One product per class of pixels.
template <ProductKind kind, class T, class O = T>
void convolution_backward_input(const Queue& queue, const ConvShape& s, const T* dy, const T* w,
                                O* dx) {
  const bool vectors = has_whole_packs<T>(s) && is_aligned(dy) && is_aligned(w) && is_aligned(dx);
  for (int row = 0; row < std::min(s.stride, s.height); ++row)
    for (int column = 0; column < std::min(s.stride, s.width); ++column) {
      const PixelClass c(s, row, column);
      product<kind, T>(
          queue, {s.images * c.pixels(), s.group_channels(), c.taps() * s.group_out_channels()},
          s.groups, vectors, GradientPatchOperand<T>(s, c, dy), TransposedWeightOperand<T>(s, c, w),
          PixelClassOutput<O>(s, c, dx));
    }
}

}  // namespace hush::cuda
