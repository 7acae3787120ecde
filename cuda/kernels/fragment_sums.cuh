// What a warp sums on tensor cores, and how it leaves its registers: shared by both kernels of
// tiled products there (tensor_product.cuh, pipelined_product.cuh).
#pragma once

#include "cuda/kernels/product.cuh"
#include "cuda/kernels/tensor_arithmetic.cuh"

namespace hush::cuda {

// A warp's part of C, as the fragments that its lanes hold (emulator/matrix.h shows which).
template <class Tile>
struct FragmentSums {
  using Arithmetic = typename Tile::Arithmetic;
  using T = typename Arithmetic::Element;
  static constexpr int kPlanes = Arithmetic::kPlanes;

  typename Arithmetic::Sum sum[kPlanes][Tile::kRowFragments][Tile::kColumnFragments][4];

  __device__ static int warp_row() {
    return int(threadIdx.x) / 32 / Tile::kWarpColumns * Tile::kWarpHeight;
  }
  __device__ static int row() { return warp_row() + int(threadIdx.x) % 32 / 4; }
  __device__ static int warp_column() {
    return int(threadIdx.x) / 32 % Tile::kWarpColumns * Tile::kWarpWidth;
  }

  __device__ T element(int i, int j, int k) const {
    typename Arithmetic::Sum sums[kPlanes];
    HUSH_UNROLL
    for (int s = 0; s < kPlanes; ++s) sums[s] = sum[s][i][j][k];
    return Arithmetic::combine(sums);
  }
  // Lanes hold pairs of columns, stored together if V > 1.
  template <int V, class Output>
  __device__ void store(const Output& output, int row0, int column0, int m, int n,
                        int split) const {
    constexpr int together = V > 1 ? 2 : 1;
    const int first = column0 + warp_column() + int(threadIdx.x) % 4 * 2;
    HUSH_UNROLL
    for (int i = 0; i < Tile::kRowFragments; ++i) HUSH_UNROLL
    for (int j = 0; j < Tile::kColumnFragments; ++j) HUSH_UNROLL
    for (int k = 0; k < 4; k += together) {
      const int at_row = row0 + row() + 16 * i + k / 2 * 8, at_column = first + 8 * j + k % 2;
      if (at_row >= m || at_column >= n) continue;
      Pack<T, together> values;
      HUSH_UNROLL
      for (int v = 0; v < together; ++v) values.v[v] = element(i, j, k + v);
      output.template store<together>(at_row, at_column, split, values);
    }
  }
};

}  // namespace hush::cuda
