// Where an element of a channels-last image lies.
#pragma once

#include "cuda/kernels/divisor.cuh"

namespace hush::cuda {

// Splits the index of an element of [N, height, width, channels].
struct PixelIndex {
  Divisor channels, width, height;

  struct Place {
    int n, h, w, c;
  };
  __device__ Place operator()(int i) const {
    const int pixel = channels.quotient(i), row = width.quotient(pixel), n = height.quotient(row);
    return {n, row - n * int(height.divisor), pixel - row * int(width.divisor),
            i - pixel * int(channels.divisor)};
  }
};

}  // namespace hush::cuda
