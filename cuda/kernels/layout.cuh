// Kernels that only move elements: permute, tiled transposition, and ResNet's subsampling shortcut.
#pragma once

#include <algorithm>

#include "core/shape.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/pixel_index.cuh"

namespace hush::cuda {

// y's axes: extents, and strides in x. Element i of y is x[Σ index · stride].
struct PermuteAxes {
  int rank = 0;
  Divisor extent[Shape::kMaxRank];
  std::int64_t stride[Shape::kMaxRank] = {};
};

// y below 2^31 elements.
template <class T>
struct PermuteBody {
  using Loaded = T;
  PermuteAxes axes;
  const T* x;
  T* y;

  __device__ T load(std::int64_t i) const {
    int rest = int(i);
    std::int64_t from = 0;
    for (int axis = axes.rank - 1; axis >= 0; --axis) {
      const int outer = axes.extent[axis].quotient(rest);
      from += (rest - outer * int(axes.extent[axis].divisor)) * axes.stride[axis];
      rest = outer;
    }
    return x[from];
  }
  __device__ void store(std::int64_t i, T value) const { y[i] = value; }
};

constexpr int kTransposeTile = 32;
constexpr int kTransposeRows = 8;

template <class T>
struct TransposeShared {
  T tile[kTransposeTile][kTransposeTile + 1];  // the padding avoids bank conflicts
};

// y [batch, columns, rows] = x [batch, rows, columns]. Block (i, j, batch) turns a tile of 32 × 32,
// a thread four elements of it; reads and writes are both contiguous. Shared memory: the tile.
template <class T>
__global__ void __launch_bounds__(kTransposeTile* kTransposeRows)
    transpose_kernel(const T* x, T* y, int rows, int columns) {
  auto& shared = shared_memory<TransposeShared<T>>();
  const std::int64_t image = std::int64_t{blockIdx.z} * rows * columns;
  const int row0 = int(blockIdx.x) * kTransposeTile, column0 = int(blockIdx.y) * kTransposeTile;
  const int along = int(threadIdx.x);
  for (int r = int(threadIdx.y); r < kTransposeTile; r += kTransposeRows)
    if (row0 + r < rows && column0 + along < columns)
      shared.tile[r][along] = x[image + std::int64_t{row0 + r} * columns + column0 + along];
  __syncthreads();
  for (int c = int(threadIdx.y); c < kTransposeTile; c += kTransposeRows)
    if (column0 + c < columns && row0 + along < rows)
      y[image + std::int64_t{column0 + c} * rows + row0 + along] = shared.tile[along][c];
}

template <class T>
void transpose(const Queue& queue, const T* x, T* y, int batch, int rows, int columns) {
  constexpr int batch_per_launch = 65535;  // the largest grid in z
  const std::int64_t size = std::int64_t{rows} * columns;
  for (int first = 0; first < batch; first += batch_per_launch)
    launch(
        queue, transpose_kernel<T>,
        dim3(unsigned(ceil_div(rows, kTransposeTile)), unsigned(ceil_div(columns, kTransposeTile)),
             unsigned(std::min(batch - first, batch_per_launch))),
        dim3(kTransposeTile, kTransposeRows), x + first * size, y + first * size, rows, columns);
}

// Every stride-th pixel of x, its channels from `before` on, zeros around them.
template <class T>
struct SubsampleBody {
  using Loaded = T;
  PixelIndex index;             // of y
  int height, width, channels;  // of x
  int stride, before;
  const T* x;
  T* y;

  __device__ T load(std::int64_t i) const {
    const auto at = index(int(i));
    const int c = at.c - before;
    if (unsigned(c) >= unsigned(channels)) return T(0);
    return x[((std::int64_t{at.n} * height + at.h * stride) * width + at.w * stride) * channels +
             c];
  }
  __device__ void store(std::int64_t i, T value) const { y[i] = value; }
};

// dx: zero where no pixel was taken.
template <class T>
struct SubsampleGradientBody {
  using Loaded = T;
  PixelIndex index;                         // of dx
  int out_height, out_width, out_channels;  // of dy
  Divisor stride;
  int before;
  const T* dy;
  T* dx;

  __device__ T load(std::int64_t i) const {
    const auto at = index(int(i));
    const int h = stride.quotient(at.h), w = stride.quotient(at.w);
    if (h * int(stride.divisor) != at.h || w * int(stride.divisor) != at.w) return T(0);
    return dy[((std::int64_t{at.n} * out_height + h) * out_width + w) * out_channels + before +
              at.c];
  }
  __device__ void store(std::int64_t i, T value) const { dx[i] = value; }
};

}  // namespace hush::cuda
