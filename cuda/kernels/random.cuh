// Reproducible random numbers on the device: the very numbers of core/random.h's RandomStream, and
// the crop, flip and normalisation of training images.
#pragma once

#include "core/random.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/pixel_index.cuh"

namespace hush::cuda {

enum class Distribution { uniform, normal };

// Number i of the stream (seed, use, index); a normal number takes two of the stream's.
struct RandomFillBody {
  struct Loaded {};
  std::uint64_t seed, index;
  RandomUse use;
  Distribution distribution;
  float* y;

  __device__ std::uint32_t bits(std::int64_t number) const {
    const PhiloxBlock counter{std::uint32_t(number / 4), std::uint32_t(index),
                              std::uint32_t(index >> 32), std::uint32_t(use)};
    return philox(counter,
                  {std::uint32_t(seed), std::uint32_t(seed >> 32)})[std::size_t(number % 4)];
  }
  __device__ float uniform(std::int64_t number) const {
    return float(bits(number) >> 8) * 0x1p-24f;
  }
  __device__ Loaded load(std::int64_t) const { return {}; }
  __device__ void store(std::int64_t i, const Loaded&) const {
    y[i] = distribution == Distribution::uniform
               ? uniform(i)
               : sqrtf(-2.0f * logf(1.0f - uniform(2 * i))) *
                     cosf(6.283185307179586f * uniform(2 * i + 1));
  }
};

// Pixel (y, x) of result n is pixel (y + row shift, x' + column shift) of image n, black outside,
// x' counted from the right if flipped; then (value / 255 - mean) / std per channel. `placement`
// holds row shift, column shift and flip of each image. Elements below 2^31.
struct PlaceImagesBody {
  using Loaded = std::uint8_t;
  PixelIndex index;
  const std::uint8_t* pixels;
  const std::int32_t* placement;
  const float *mean, *std;
  float* y;

  __device__ std::uint8_t load(std::int64_t i) const {
    const auto at = index(int(i));
    const int height = int(index.height.divisor), width = int(index.width.divisor);
    const std::int32_t* place = placement + 3 * at.n;
    const int h = at.h + place[0];
    const int w = (place[2] != 0 ? width - 1 - at.w : at.w) + place[1];
    if (unsigned(h) >= unsigned(height) || unsigned(w) >= unsigned(width)) return 0;
    return pixels[((std::int64_t{at.n} * height + h) * width + w) * index.channels.divisor + at.c];
  }
  __device__ void store(std::int64_t i, std::uint8_t value) const {
    const int c = index.channels.remainder(int(i));
    y[i] = (float(value) / 255.0f - mean[c]) / std[c];
  }
};

}  // namespace hush::cuda
