// Starts a product: on which units, with which tiling, and how the depth is split.
#pragma once

#include <algorithm>

#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/pipelined_product.cuh"
#include "cuda/kernels/product_matrices.cuh"
#include "cuda/kernels/tensor_product.cuh"

namespace hush::cuda {

// What multiplies: the ordinary units, or tensor cores with one of tensor_arithmetic.cuh.
enum class ProductKind { simt, bf16, tf32, limbs };

// Splits a long depth until there are enough blocks to fill a device, and so that no part is
// deeper than `most`. A function of the shape alone, so that results do not depend on the device.
inline void split_depth(ProductShape& s, std::int64_t blocks, int step, std::int64_t most) {
  constexpr std::int64_t enough_blocks = 256, least_depth = 256;
  const std::int64_t wanted = ceil_div(enough_blocks, std::max<std::int64_t>(blocks, 1));
  const std::int64_t allowed = std::max<std::int64_t>(s.depth / least_depth, 1);
  const std::int64_t splits =
      std::max(std::min({wanted, allowed, std::int64_t{64}}), ceil_div(s.depth, most));
  s.depth_per_split = int(ceil_div(ceil_div(s.depth, splits), step) * step);
  s.splits = std::max(1, int(ceil_div(s.depth, std::max(1, s.depth_per_split))));
}

// The kernel that a tiling is for.
template <class Tile, int V, class A, class B, class Output>
constexpr auto kernel_of() {
  if constexpr (Tile::kUnits == Units::tensor_cores_pipelined)
    return pipelined_product_kernel<Tile, A, B, Output>;
  else if constexpr (Tile::kUnits == Units::tensor_cores)
    return tensor_product_kernel<Tile, V, A, B, Output>;
  else
    return product_kernel<Tile, V, A, B, Output>;
}

template <class Tile, int V, class A, class B, class Output>
void tiled_product(const Queue& queue, ProductShape s, int groups, const A& a, const B& b,
                   const Output& output) {
  using T = typename Output::Element;
  const std::int64_t rows = ceil_div(s.m, Tile::kRows), columns = ceil_div(s.n, Tile::kColumns);
  split_depth(s, rows * columns * groups, Tile::kDepth, Tile::kMaxDepth);
  const dim3 grid{unsigned(rows), unsigned(columns), unsigned(groups * s.splits)};
  const auto kernel = kernel_of<Tile, V, A, B, Output>();
  if (s.splits == 1) return launch(queue, kernel, grid, dim3(Tile::kThreads), a, b, output, s);
  const std::int64_t size = s.m * output.pitch;
  const Scratch<T> parts(queue, std::size_t(size * s.splits));
  launch(queue, kernel, grid, dim3(Tile::kThreads), a, b, output.part(parts.data(), size), s);
  for_each_element(queue, size, MergePartsBody<T, Output>{parts.data(), s.splits, size, output});
}

inline bool is_aligned(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

// 128 rows; wide or narrow.
template <class Arithmetic, int words>
using WideTensorTiling = TensorTiling<Arithmetic, 2, 4, 4, 4, words>;
template <class Arithmetic, int words>
using NarrowTensorTiling = TensorTiling<Arithmetic, 4, 2, 2, 4, words>;
// 32 × 32: each element of C has eight sums, and more than 64 a thread would not fit.
using LimbTiling = TensorTiling<LimbArithmetic, 2, 2, 1, 2, 8>;

// Of bf16 elements, all in whole chunks.
template <class A, class B, class Output>
void pipelined_product(const Queue& queue, const ProductShape& s, int groups, const A& a,
                       const B& b, const Output& output) {
  if (s.n > 64)  // 128 × 128
    tiled_product<PipelinedTiling<2, 2, 4, 8, 2>, 8>(queue, s, groups, a, b, output);
  else if (s.n > 32)  // 128 × 64
    tiled_product<PipelinedTiling<2, 2, 4, 4, 3>, 8>(queue, s, groups, a, b, output);
  else  // 128 × 32
    tiled_product<PipelinedTiling<4, 1, 2, 4, 4>, 8>(queue, s, groups, a, b, output);
}

template <class Arithmetic, int V, class A, class B, class Output>
void tensor_product(const Queue& queue, const ProductShape& s, int groups, const A& a, const B& b,
                    const Output& output) {
  constexpr int words = 16;
  if constexpr (V > 1)  // the cursors of single elements leave no room for a wide one
    if (s.n > 64)
      return tiled_product<WideTensorTiling<Arithmetic, words>, V>(queue, s, groups, a, b, output);
  tiled_product<NarrowTensorTiling<Arithmetic, words>, V>(queue, s, groups, a, b, output);
}

// `vectors`: every extent along which an operand or the output is contiguous, and every pitch, is
// a multiple of the pack's width, and all addresses are aligned to 16 bytes. For operands that are
// bf16 in memory it must be so.
template <ProductKind kind, class T, class A, class B, class Output>
void product(const Queue& queue, const ProductShape& s, int groups, [[maybe_unused]] bool vectors,
             const A& a, const B& b, const Output& output) {
  constexpr int width = 16 / int(sizeof(T));
  const auto with_packs = [&](auto pack) {
    [[maybe_unused]] constexpr int V = decltype(pack)::value;
    if constexpr (std::is_same_v<T, Bf16>)
      pipelined_product(queue, s, groups, a, b, output);
    else if constexpr (kind == ProductKind::bf16)
      tensor_product<Bf16Arithmetic, V>(queue, s, groups, a, b, output);
    else if constexpr (kind == ProductKind::tf32)
      tensor_product<Tf32Arithmetic, V>(queue, s, groups, a, b, output);
    else if constexpr (kind == ProductKind::limbs)
      tiled_product<LimbTiling, V>(queue, s, groups, a, b, output);
    else if constexpr (V == 1)
      tiled_product<Tiling<T, width, width>, V>(queue, s, groups, a, b, output);
    else if (s.n > 16 * width)
      tiled_product<Tiling<T, 2 * width, 2 * width>, V>(queue, s, groups, a, b, output);
    else
      tiled_product<Tiling<T, 2 * width, width>, V>(queue, s, groups, a, b, output);
  };
  // Floats in whole packs are rounded to Bf16 beforehand, which comes in nothing else.
  if constexpr (kind == ProductKind::bf16)
    with_packs(std::integral_constant<int, 1>{});
  else if (vectors)
    with_packs(std::integral_constant<int, width>{});
  else
    with_packs(std::integral_constant<int, 1>{});
}

}  // namespace hush::cuda
