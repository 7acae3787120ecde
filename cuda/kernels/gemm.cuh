// C = A B (+ C), either stored transposed, over float or the ring.
#pragma once

#include "core/kernel_options.h"
#include "cuda/kernels/product_launch.cuh"

namespace hush::cuda {

// Whether every row of the three matrices holds whole packs.
template <class T>
bool has_whole_packs(const GemmOptions& options, int m, int n, int k) {
  constexpr int width = 16 / int(sizeof(T));
  return (options.transpose_a ? m : k) % width == 0 && (options.transpose_b ? k : n) % width == 0 &&
         n % width == 0;
}

// A is m × k, B k × n, C m × n, all dense; C's elements are of type O.
template <ProductKind kind, class T, class O = T>
void gemm(const Queue& queue, const GemmOptions& options, const T* a, const T* b, O* c, int m,
          int n, int k) {
  const int pitch_a = options.transpose_a ? m : k, pitch_b = options.transpose_b ? k : n;
  const bool vectors =
      has_whole_packs<T>(options, m, n, k) && is_aligned(a) && is_aligned(b) && is_aligned(c);
  const ProductShape shape{m, n, k};
  const MatrixOutput<O> output{.at = c, .pitch = n, .accumulate = options.accumulate};
  const auto with_a = [&](const auto& left) {
    if (options.transpose_b)
      product<kind, T>(queue, shape, 1, vectors, left, MatrixOperand<T, true>{b, pitch_b}, output);
    else
      product<kind, T>(queue, shape, 1, vectors, left, MatrixOperand<T, false>{b, pitch_b}, output);
  };
  if (options.transpose_a)
    with_a(MatrixOperand<T, false>{a, pitch_a});
  else
    with_a(MatrixOperand<T, true>{a, pitch_a});
}

}  // namespace hush::cuda
