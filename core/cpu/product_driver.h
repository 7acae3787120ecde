// Cuts large products into panels, tiles and chunks for the threads.
//
// Chunks are cut by the problem, each element of C belongs to one chunk, and its sum always runs
// in the same order: results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cpu/product_kernels.h"
#include "core/tensor.h"

namespace hush {

// Points of a stack of images, at regular distances; steps in elements.
template <class T>
struct PointGrid {
  T* base;
  std::ptrdiff_t image_step, row_step, column_step;
};

struct GridExtent {
  std::int64_t images, rows, columns;
  std::size_t points() const { return std::size_t(images * rows * columns); }
};

// A matrix by the addresses of its rows; elements of a row are `step` apart.
template <class T>
struct MatrixRows {
  std::vector<const T*> starts;
  std::ptrdiff_t step = 1;

  // Whether each row of `columns` elements follows the one before.
  bool adjacent(std::size_t columns) const {
    if (starts.empty() || step != 1) return false;
    for (std::size_t i = 1; i < starts.size(); ++i)
      if (starts[i] != starts[i - 1] + columns) return false;
    return true;
  }
};

// The second factor of a product, cut into panels; see product_kernels.h. For a product with few
// points copying B would cost more than it saves: it is then used in place if it can be.
template <class T>
class PanelMatrix {
 public:
  PanelMatrix(const MatrixRows<T>& rows, std::size_t columns, std::size_t points);

  const PanelLayout& layout() const { return layout_; }
  std::size_t rows() const { return rows_; }
  bool in_place() const { return in_place_ != nullptr; }
  const T* panel(std::size_t i) const {
    return in_place() ? in_place_ + layout_.first_column(i)
                      : memory_.data<T>() + rows_ * layout_.first_column(i);
  }
  // Zeroes its copy of B, if it has one; it is of no use afterwards.
  void clear() const {
    if (memory_.defined()) memory_.zero();
  }
  // From row to row of a panel.
  std::size_t stride(std::size_t i) const {
    return in_place() ? layout_.columns() : layout_.width(i);
  }

 private:
  PanelLayout layout_;
  std::size_t rows_;
  const T* in_place_ = nullptr;
  Tensor memory_;
};

// What becomes of the sums of a row product; see RowProduct.
template <class T>
struct RowEpilogue {
  bool accumulate = false;
  const T* bias = nullptr;      // of this product's first column
  const T* residual = nullptr;  // laid out as `out`, whose base is its origin
  bool relu = false;
};

// For each point: the row of `out` = the sum over taps of `in`'s runs of `depth` times B.
template <class T>
void run_row_product(const GridExtent& extent, const PointGrid<const T>& in,
                     const std::vector<std::ptrdiff_t>& taps, std::size_t depth,
                     const PanelMatrix<T>& b, const PointGrid<T>& out,
                     const RowEpilogue<T>& epilogue);

// For each tap t and m < run: row t · run + m of C = the sum over all points of element m of A's
// run times the point's row of B. C's rows are `c_stride` apart, B's elements `b_step`.
template <class T>
struct ColumnProductTask {
  GridExtent extent;
  PointGrid<const T> a;
  std::vector<std::ptrdiff_t> taps;
  std::size_t run;
  PointGrid<const T> b;
  std::ptrdiff_t b_step;
  T* c;
  std::size_t c_stride, columns;
  bool accumulate;  // add to C instead of overwriting it
};
template <class T>
void run_column_product(const ColumnProductTask<T>& task);

}  // namespace hush
