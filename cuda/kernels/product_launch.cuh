// Starts product_kernel: which tiling, how the depth is split, and what happens to the result.
#pragma once

#include <algorithm>
#include <type_traits>

#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/product.cuh"

namespace hush::cuda {

// A dense matrix as an operand. With `depth_inner` element (outer, depth) is
// at[outer · pitch + depth], else at[depth · pitch + outer]; groups lie `group_step` apart.
template <class T, bool depth_inner>
struct MatrixOperand {
  static constexpr bool kDepthInner = depth_inner;
  using Cursor = const T*;
  const T* at;
  std::int64_t pitch;
  std::int64_t group_step = 0;

  __device__ void select(int group) { at += group * group_step; }
  __device__ Cursor cursor(int outer) const { return at + (depth_inner ? outer * pitch : outer); }
  template <int V>
  __device__ Pack<T, V> load(const Cursor& start, int depth) const {
    return *reinterpret_cast<const Pack<T, V>*>(start + (depth_inner ? depth : depth * pitch));
  }
};

// Where results go: C [m, pitch], then + bias[column] + residual (then ReLU).
template <class T>
struct MatrixOutput {
  T* at;
  std::int64_t pitch;
  const T* bias = nullptr;      // of the pitch's length
  const T* residual = nullptr;  // like C
  bool relu = false;
  bool accumulate = false;
  std::int64_t group_step = 0;

  __device__ void select(int group) {
    at += group * group_step;
    if (bias != nullptr) bias += group * group_step;
    if (residual != nullptr) residual += group * group_step;
  }
  template <int V>
  __device__ void store(int row, int column, int, Pack<T, V> values) const {
    const std::int64_t i = row * pitch + column;
    auto* target = reinterpret_cast<Pack<T, V>*>(at + i);
    const auto add = [&](const T* from) {
      const auto other = *reinterpret_cast<const Pack<T, V>*>(from);
      HUSH_UNROLL
      for (int v = 0; v < V; ++v) values.v[v] += other.v[v];
    };
    if (accumulate) add(at + i);
    if (bias != nullptr) add(bias + column);
    if (residual != nullptr) add(residual + i);
    if constexpr (std::is_same_v<T, float>)
      if (relu) HUSH_UNROLL
    for (int v = 0; v < V; ++v) values.v[v] = values.v[v] < 0 ? 0 : values.v[v];
    *target = values;
  }
};

// Where a split product leaves its parts: [split][m][group_step · groups].
template <class T>
struct PartialOutput {
  T* at;
  std::int64_t pitch, size;  // of a part: m · pitch
  std::int64_t group_step = 0;

  __device__ void select(int group) { at += group * group_step; }
  template <int V>
  __device__ void store(int row, int column, int split, const Pack<T, V>& values) const {
    *reinterpret_cast<Pack<T, V>*>(at + split * size + row * pitch + column) = values;
  }
};

// Adds the parts in order. Element i is (i / pitch, i mod pitch).
template <class T>
struct MergePartsBody {
  using Loaded = T;
  const T* parts;
  int splits;
  std::int64_t size;
  MatrixOutput<T> output;

  __device__ T load(std::int64_t i) const {
    T sum = parts[i];
    for (int split = 1; split < splits; ++split) sum += parts[split * size + i];
    return sum;
  }
  __device__ void store(std::int64_t i, T sum) const {
    output.template store<1>(int(i / output.pitch), int(i % output.pitch), 0, Pack<T, 1>{{sum}});
  }
};

// Splits a long depth until there are enough blocks to fill a device. A function of the shape
// alone, so that results do not depend on the device.
inline void split_depth(ProductShape& s, std::int64_t blocks, int step) {
  constexpr std::int64_t enough_blocks = 256, least_depth = 256;
  const std::int64_t wanted = ceil_div(enough_blocks, std::max<std::int64_t>(blocks, 1));
  const std::int64_t allowed = std::max<std::int64_t>(s.depth / least_depth, 1);
  s.splits = int(std::min({wanted, allowed, std::int64_t{64}}));
  s.depth_per_split = int(ceil_div(ceil_div(s.depth, s.splits), step) * step);
  s.splits = std::max(1, int(ceil_div(s.depth, std::max(1, s.depth_per_split))));
}

template <class T, class Tile, int V, class A, class B>
void tiled_product(const Queue& queue, ProductShape s, int groups, const A& a, const B& b,
                   const MatrixOutput<T>& output) {
  const std::int64_t rows = ceil_div(s.m, Tile::kRows), columns = ceil_div(s.n, Tile::kColumns);
  split_depth(s, rows * columns * groups, Tile::kDepth);
  const dim3 grid{unsigned(rows), unsigned(columns), unsigned(groups * s.splits)};
  const dim3 block(Tile::kThreads);
  if (s.splits == 1)
    return launch(queue, product_kernel<T, Tile, V, A, B, MatrixOutput<T>>, grid, block, a, b,
                  output, s);
  const std::int64_t size = s.m * output.pitch;
  const Scratch<T> parts(queue, std::size_t(size * s.splits));
  launch(queue, product_kernel<T, Tile, V, A, B, PartialOutput<T>>, grid, block, a, b,
         PartialOutput<T>{parts.data(), output.pitch, size, output.group_step}, s);
  for_each_element(queue, size, MergePartsBody<T>{parts.data(), s.splits, size, output});
}

inline bool is_aligned(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

// `vectors`: every extent along which an operand or the output is contiguous, and every pitch, is
// a multiple of the pack's width, and all addresses are aligned to 16 bytes.
template <class T, class A, class B>
void product(const Queue& queue, const ProductShape& s, int groups, bool vectors, const A& a,
             const B& b, const MatrixOutput<T>& output) {
  constexpr int width = 16 / int(sizeof(T));
  if (!vectors) return tiled_product<T, Tiling<T, width, width>, 1>(queue, s, groups, a, b, output);
  if (s.n > 16 * width)
    return tiled_product<T, Tiling<T, 2 * width, 2 * width>, width>(queue, s, groups, a, b, output);
  tiled_product<T, Tiling<T, 2 * width, width>, width>(queue, s, groups, a, b, output);
}

}  // namespace hush::cuda
