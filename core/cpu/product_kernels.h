// The two register-tiled kernels under every matrix product and convolution, for float and ring.
//
// Both hold a tile of C in registers, walk along the summed index, and multiply one broadcast
// element of A by a row of vectors of B. They differ in what A's pointers mean:
//   row product     pointers to *rows of A* (output pixels); the sum runs along memory
//   column product  pointers to *summed points* (pixels); the rows of C run along memory
// so that no pass of a convolution over NHWC images needs im2col: the forward pass and the input's
// gradient are row products, the weight's gradient is a column product.
//
// B is cut into panels of a few vectors, each stored [summed index][width], so that it is read in
// one stream. They are compiled once for each instruction set; see product_kernels-inl.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace hush {

// The instruction set that the kernels run on: "AVX-512", "AVX2" or "portable SIMD".
std::string product_instruction_set();

// C's columns cut into panels; `lanes` is the elements of a vector.
class PanelLayout {
 public:
  PanelLayout(std::size_t columns, std::size_t lanes, std::size_t vectors)
      : columns_(columns), lanes_(lanes), vectors_(vectors) {}

  std::size_t count() const { return (all_vectors() + vectors_ - 1) / vectors_; }
  std::size_t columns() const { return columns_; }
  std::size_t first_column(std::size_t panel) const { return panel * vectors_ * lanes_; }
  std::size_t columns(std::size_t panel) const {
    return std::min(columns_ - first_column(panel), vectors_ * lanes_);
  }
  // Vectors of a panel; only the last may have fewer than the others.
  std::size_t vectors(std::size_t panel) const {
    return std::min(all_vectors() - panel * vectors_, vectors_);
  }
  // Elements of a stored row of a panel, and of a stored row of all panels.
  std::size_t width(std::size_t panel) const { return vectors(panel) * lanes_; }
  std::size_t width() const { return all_vectors() * lanes_; }

 private:
  std::size_t all_vectors() const { return (columns_ + lanes_ - 1) / lanes_; }

  std::size_t columns_, lanes_, vectors_;
};

// The layout that suits the instruction set for a C with that many columns.
template <class T>
PanelLayout panel_layout(std::size_t columns);

// The tallest tile for panels of so many vectors.
template <class T>
std::size_t tile_rows(std::size_t vectors);

// C[r][0, columns) = Σ_t Σ_d A[r][offset_t + d] · B[t · depth + d] for r in [0, count), where the
// sum runs over all taps t and 0 ≤ d < depth; then the epilogue, in this order.
template <class T>
struct RowProduct {
  const T* const* rows;  // of A, [count]
  T* const* outs;        // rows of C, [count]
  std::size_t count;
  const std::ptrdiff_t* offsets;  // [taps]
  std::size_t taps, depth;
  const T* b;            // one panel: element (k, j) at b[k · b_stride + j]
  std::size_t b_stride;  // of any alignment
  std::size_t vectors;   // of the panel
  std::size_t column;    // of C, where the panel begins
  std::size_t columns;   // valid ones in the panel
  bool accumulate;       // add what C holds
  const T* bias;         // [all columns], or null
  const T* residual;     // same layout as C, which begins at `origin`; or null
  const T* origin;
  bool relu;
};

// C[m][0, columns) = (C +) Σ_p A_p[m] · B[p] for m in [0, count), A_p = points[p] + offset.
template <class T>
struct ColumnProduct {
  const T* const* points;  // [points_count]
  std::size_t point_count;
  std::ptrdiff_t offset;
  const T* b;           // one panel, [points_count][width]
  std::size_t vectors;  // of the panel
  T* c;                 // row 0 of the tile at the panel's first column
  std::size_t c_stride;
  std::size_t columns;  // valid ones in the panel
  std::size_t count;    // at most tile_rows(vectors)
  bool accumulate;
};

template <class T>
void row_product(const RowProduct<T>& product);
template <class T>
void column_product(const ColumnProduct<T>& product);

}  // namespace hush
