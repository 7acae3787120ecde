// Depthwise convolution: every channel by itself (groups = C = K), so there is no product to tile.
// The two maps run one thread per element, neighbours in neighbouring channels; the weight's
// gradient is a reduction over all pixels, once per tap. All are bound by memory or cache.
#pragma once

#include "cuda/kernels/columns.cuh"
#include "cuda/kernels/convolution.cuh"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/pixel_index.cuh"

namespace hush::cuda {

// y, with the epilogue of ConvEpilogue. Elements of y are counted with 31 bits.
template <class T>
struct DepthwiseBody {
  using Loaded = T;
  ConvShape s;
  PixelIndex index;
  const T *x, *w, *bias, *residual;
  bool relu;
  T* y;

  __device__ T load(std::int64_t i) const {
    const auto at = index(int(i));
    T sum = bias == nullptr ? T(0) : bias[at.c];
    for (int kh = 0; kh < s.kernel_height; ++kh) {
      const int h = at.h * s.stride - s.padding + kh;
      if (unsigned(h) >= unsigned(s.height)) continue;
      for (int kw = 0; kw < s.kernel_width; ++kw) {
        const int c = at.w * s.stride - s.padding + kw;
        if (unsigned(c) >= unsigned(s.width)) continue;
        sum += x[((std::int64_t{at.n} * s.height + h) * s.width + c) * s.channels + at.c] *
               w[(kh * s.kernel_width + kw) * s.channels + at.c];
      }
    }
    if (residual != nullptr) sum += residual[i];
    if constexpr (std::is_same_v<T, float>)
      if (relu && sum < 0) sum = 0;
    return sum;
  }
  __device__ void store(std::int64_t i, T value) const { y[i] = value; }
};

// dx; elements of x are counted with 31 bits.
template <class T>
struct DepthwiseInputGradientBody {
  using Loaded = T;
  ConvShape s;
  PixelIndex index;
  const T *dy, *w;
  T* dx;

  __device__ T load(std::int64_t i) const {
    const auto at = index(int(i));
    T sum = 0;
    for (int kh = 0; kh < s.kernel_height; ++kh) {
      const int h = at.h + s.padding - kh;
      if (h < 0 || h % s.stride != 0 || h / s.stride >= s.out_height) continue;
      for (int kw = 0; kw < s.kernel_width; ++kw) {
        const int c = at.w + s.padding - kw;
        if (c < 0 || c % s.stride != 0 || c / s.stride >= s.out_width) continue;
        const std::int64_t pixel =
            (std::int64_t{at.n} * s.out_height + h / s.stride) * s.out_width + c / s.stride;
        sum += dy[pixel * s.channels + at.c] * w[(kh * s.kernel_width + kw) * s.channels + at.c];
      }
    }
    return sum;
  }
  __device__ void store(std::int64_t i, T value) const { dx[i] = value; }
};

// dw [tap, c]; the slice of the reduction is the tap, its rows are the pixels of y.
template <class T>
struct DepthwiseWeightGradientBody {
  using State = T;
  ConvShape s;
  PixelIndex index;
  const T *x, *dy;
  T* dw;

  __device__ void add(T& sum, std::int64_t i, int, int tap) const {
    const auto at = index(int(i));
    const int h = at.h * s.stride - s.padding + tap / s.kernel_width;
    const int w = at.w * s.stride - s.padding + tap % s.kernel_width;
    if (unsigned(h) < unsigned(s.height) && unsigned(w) < unsigned(s.width))
      sum += x[((std::int64_t{at.n} * s.height + h) * s.width + w) * s.channels + at.c] * dy[i];
  }
  __device__ void merge(T& sum, const T& other) const { sum += other; }
  __device__ void finish(int channel, int tap, const T& sum) const {
    dw[tap * s.channels + channel] = sum;
  }
};

inline bool is_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.groups == s.channels && s.groups == s.out_channels;
}

inline PixelIndex input_index(const ConvShape& s) {
  return {Divisor(s.channels), Divisor(s.width), Divisor(s.height)};
}

inline PixelIndex output_index(const ConvShape& s) {
  return {Divisor(s.channels), Divisor(s.out_width), Divisor(s.out_height)};
}

template <class T>
void depthwise(const Queue& queue, const ConvShape& s, const T* x, const T* w, const T* bias,
               const T* residual, bool relu, T* y) {
  const std::int64_t n = std::int64_t{s.images} * s.out_height * s.out_width * s.channels;
  for_each_element<1>(queue, n,
                      DepthwiseBody<T>{s, output_index(s), x, w, bias, residual, relu, y});
}

template <class T>
void depthwise_backward_input(const Queue& queue, const ConvShape& s, const T* dy, const T* w,
                              T* dx) {
  const std::int64_t n = std::int64_t{s.images} * s.height * s.width * s.channels;
  for_each_element<1>(queue, n, DepthwiseInputGradientBody<T>{s, input_index(s), dy, w, dx});
}

template <class T>
void depthwise_backward_weight(const Queue& queue, const ConvShape& s, const T* x, const T* dy,
                               T* dw) {
  reduce_columns(queue, std::int64_t{s.images} * s.out_height * s.out_width, s.channels, s.taps(),
                 DepthwiseWeightGradientBody<T>{s, output_index(s), x, dy, dw});
}

}  // namespace hush::cuda
