// Pooling of [N, H, W, C] and its gradients: one thread per element, neighbours in neighbouring
// channels. Gradients are gathered by the input's pixel, so that overlapping windows are added in
// order and nothing needs an atomic.
#pragma once

#include <type_traits>

#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/pixel_index.cuh"

namespace hush::cuda {

struct PoolShape {
  int images, height, width, channels;  // of x
  int out_height, out_width;
  int kernel_height, kernel_width, stride, padding;

  PixelIndex input_index() const { return {Divisor(channels), Divisor(width), Divisor(height)}; }
  PixelIndex output_index() const {
    return {Divisor(channels), Divisor(out_width), Divisor(out_height)};
  }
  // Where element (h, w, c) lies in its image.
  __device__ int offset(int h, int w, int c) const { return (h * width + w) * channels + c; }
  __device__ std::int64_t image(int n) const { return std::int64_t{n} * height * width * channels; }
};

// The windows (or the pixels of a window) from `begin` to before `end` along one axis.
struct Range {
  int begin, end;
};

// The pixels of window `index` that lie in the image.
__device__ inline Range pixels_of(int index, int kernel, int stride, int padding, int extent) {
  const int first = index * stride - padding;
  return {first < 0 ? 0 : first, first + kernel < extent ? first + kernel : extent};
}

// The windows that contain pixel `index`.
__device__ inline Range windows_of(int index, int kernel, int stride, int padding, int windows) {
  const int last = (index + padding) / stride;
  const int behind = index + padding - kernel;  // the first that does not start before is the next
  const int first = behind < 0 ? 0 : behind / stride + 1;
  return {first, last + 1 < windows ? last + 1 : windows};
}

// The sum over each window, divided by `area` where that makes sense.
template <class T>
struct AveragePoolBody {
  using Loaded = T;
  PoolShape s;
  PixelIndex index;
  const T* x;
  T* y;

  __device__ T load(std::int64_t i) const {
    const auto at = index(int(i));
    const Range rows = pixels_of(at.h, s.kernel_height, s.stride, s.padding, s.height);
    const Range columns = pixels_of(at.w, s.kernel_width, s.stride, s.padding, s.width);
    T sum = 0;
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w)
        sum += x[s.image(at.n) + s.offset(h, w, at.c)];
    return sum;
  }
  __device__ void store(std::int64_t i, T sum) const {
    if constexpr (std::is_same_v<T, float>)
      y[i] = sum / float(s.kernel_height * s.kernel_width);
    else
      y[i] = sum;
  }
};

struct Winner {
  float value;
  std::int32_t offset;
};

// The first maximum of each window; NaN wins, as in PyTorch. argmax may be null.
struct MaxPoolBody {
  using Loaded = Winner;
  PoolShape s;
  PixelIndex index;
  const float* x;
  float* y;
  std::int32_t* argmax;

  __device__ Winner load(std::int64_t i) const {
    const auto at = index(int(i));
    const Range rows = pixels_of(at.h, s.kernel_height, s.stride, s.padding, s.height);
    const Range columns = pixels_of(at.w, s.kernel_width, s.stride, s.padding, s.width);
    const float* image = x + s.image(at.n);
    const std::int32_t first = s.offset(rows.begin, columns.begin, at.c);
    Winner best{image[first], first};
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) {
        const std::int32_t offset = s.offset(h, w, at.c);
        const float value = image[offset];
        if (offset != first && !(value <= best.value)) best = {value, offset};
      }
    return best;
  }
  __device__ void store(std::int64_t i, const Winner& best) const {
    y[i] = best.value;
    if (argmax != nullptr) argmax[i] = best.offset;
  }
};

// dx; with argmax, of max pooling, else of average pooling.
struct PoolGradientBody {
  using Loaded = float;
  PoolShape s;
  PixelIndex index;
  const float* dy;
  const std::int32_t* argmax;
  float* dx;

  __device__ float load(std::int64_t i) const {
    const auto at = index(int(i));
    const Range rows = windows_of(at.h, s.kernel_height, s.stride, s.padding, s.out_height);
    const Range columns = windows_of(at.w, s.kernel_width, s.stride, s.padding, s.out_width);
    const std::int32_t offset = s.offset(at.h, at.w, at.c);
    float sum = 0;
    for (int h = rows.begin; h < rows.end; ++h)
      for (int w = columns.begin; w < columns.end; ++w) {
        const std::int64_t window =
            ((std::int64_t{at.n} * s.out_height + h) * s.out_width + w) * s.channels + at.c;
        if (argmax == nullptr || argmax[window] == offset) sum += dy[window];
      }
    return argmax == nullptr ? sum / float(s.kernel_height * s.kernel_width) : sum;
  }
  __device__ void store(std::int64_t i, float value) const { dx[i] = value; }
};

}  // namespace hush::cuda
