// Elementwise arithmetic: the functions of core/scalar.h on a device, and affine maps.
#pragma once

#include "cuda/kernels/divisor.cuh"
#include "cuda/kernels/elements.cuh"

namespace hush::cuda {

template <class T>
struct Two {
  T first, second;
};

// y = f(x)
template <class T, class F>
struct MapBody {
  using Loaded = T;
  F f;
  const T* x;
  T* y;
  __device__ T load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, T value) const { y[i] = f(value); }
};

template <class T, class F>
void map(const Queue& queue, F f, const T* x, T* y, std::int64_t n) {
  for_each_element(queue, n, MapBody<T, F>{f, x, y});
}

// c = f(a, b)
template <class T, class F>
struct ZipBody {
  using Loaded = Two<T>;
  F f;
  const T *a, *b;
  T* c;
  __device__ Loaded load(std::int64_t i) const { return {a[i], b[i]}; }
  __device__ void store(std::int64_t i, const Loaded& v) const { c[i] = f(v.first, v.second); }
};

template <class T, class F>
void zip(const Queue& queue, F f, const T* a, const T* b, T* c, std::int64_t n) {
  for_each_element(queue, n, ZipBody<T, F>{f, a, b, c});
}

// y = alpha x + beta y; with beta 0, y may hold anything, NaN included.
struct AxpbyBody {
  using Loaded = Two<float>;
  float alpha, beta;
  const float* x;
  float* y;
  __device__ Loaded load(std::int64_t i) const { return {x[i], beta == 0 ? 0.0f : y[i]}; }
  __device__ void store(std::int64_t i, const Loaded& v) const {
    y[i] = alpha * v.first + beta * v.second;
  }
};

inline void axpby(const Queue& queue, float alpha, const float* x, float beta, float* y,
                  std::int64_t n) {
  for_each_element(queue, n, AxpbyBody{alpha, beta, x, y});
}

// y = scale[c] x + shift[c], c = i mod channels; scale or shift may be null. n below 2^31.
template <class T>
struct ScaleShiftBody {
  using Loaded = T;
  const T *x, *scale, *shift;
  T* y;
  Divisor channels;
  __device__ T load(std::int64_t i) const {
    const int c = channels.remainder(int(i));
    const T scaled = scale == nullptr ? x[i] : scale[c] * x[i];
    return shift == nullptr ? scaled : scaled + shift[c];
  }
  __device__ void store(std::int64_t i, T value) const { y[i] = value; }
};

template <class T>
void scale_shift(const Queue& queue, const T* x, const T* scale, const T* shift, T* y, int n,
                 int channels) {
  for_each_element(queue, n, ScaleShiftBody<T>{x, scale, shift, y, Divisor(channels)});
}

// y = x gate[n, c] for images of `pixels` · `channels` elements. n below 2^31.
template <class T>
struct ChannelMultiplyBody {
  using Loaded = T;
  const T *x, *gate;
  T* y;
  Divisor image, channels;
  __device__ T load(std::int64_t i) const {
    const int n = image.quotient(int(i)), c = channels.remainder(int(i));
    return x[i] * gate[std::int64_t(n) * channels.divisor + c];
  }
  __device__ void store(std::int64_t i, T value) const { y[i] = value; }
};

template <class T>
void channel_multiply(const Queue& queue, const T* x, const T* gate, T* y, int n, int pixels,
                      int channels) {
  for_each_element(queue, n,
                   ChannelMultiplyBody<T>{x, gate, y, Divisor(std::int64_t(pixels) * channels),
                                          Divisor(channels)});
}

}  // namespace hush::cuda
