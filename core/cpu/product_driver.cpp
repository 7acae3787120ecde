#include "core/cpu/product_driver.h"

#include <algorithm>
#include <cstring>

#include "core/thread_pool.h"

namespace hush {
namespace {

// Points of a chunk: a multiple of most tile heights (14, 12, 8, 7, 6).
constexpr std::size_t kRowBlock = 168;
// Points summed in registers before the tile goes back to memory; A's and B's part of a block
// stay in the nearest cache while all tiles pass over them.
constexpr std::size_t kSumBlock = 192;
// Panels that a second-level cache holds beside the images.
constexpr std::size_t kPanelBytes = std::size_t{1} << 20;
// Rows of B that are used in place together.
constexpr std::size_t kRowsInPlace = 128;
constexpr std::size_t kMaxPanelRowBytes = 256;  // 4 vectors of 64 bytes

std::size_t divide_up(std::size_t a, std::size_t b) {
  return (a + b - 1) / b;
}

// A part of a row product's sum: some taps and channels, and where they begin among B's rows.
struct Part {
  const std::ptrdiff_t* offsets;
  std::size_t taps, depth, first;
  bool last;  // the sum is complete: what follows it may
};

// Calls f(i, image, row, column) for the points [begin, end), i counting from 0.
template <class F>
void for_points(const GridExtent& extent, std::size_t begin, std::size_t end, F&& f) {
  auto column = std::int64_t(begin) % extent.columns;
  auto row = std::int64_t(begin) / extent.columns % extent.rows;
  auto image = std::int64_t(begin) / extent.columns / extent.rows;
  for (std::size_t i = 0; begin + i < end; ++i) {
    f(i, image, row, column);
    if (++column == extent.columns) {
      column = 0;
      if (++row == extent.rows) {
        row = 0;
        ++image;
      }
    }
  }
}

template <class T>
T* point_at(const PointGrid<T>& grid, std::int64_t image, std::int64_t row, std::int64_t column) {
  return grid.base + image * grid.image_step + row * grid.row_step + column * grid.column_step;
}

// Rows [begin, end) of a panel; `columns` < width are valid, zeros fill the rest.
template <class T>
void pack_rows(const T* const* starts, std::size_t count, std::ptrdiff_t step, std::size_t columns,
               std::size_t width, T* panel) {
  if (step == 1) {
    for (std::size_t r = 0; r < count; ++r, panel += width) {
      std::memcpy(panel, starts[r], columns * sizeof(T));
      std::fill(panel + columns, panel + width, T(0));
    }
    return;
  }
  // Adjacent rows are usually adjacent in memory here (a transposed matrix): walk along them.
  constexpr std::size_t block = 32;
  for (std::size_t first = 0; first < count; first += block) {
    const std::size_t last = std::min(first + block, count);
    for (std::size_t c = 0; c < width; ++c) {
      for (std::size_t r = first; r < last; ++r) {
        panel[r * width + c] = c < columns ? starts[r][std::ptrdiff_t(c) * step] : T(0);
      }
    }
  }
}

}  // namespace

template <class T>
PanelMatrix<T>::PanelMatrix(const MatrixRows<T>& rows, std::size_t columns, std::size_t points)
    : layout_(panel_layout<T>(columns)), rows_(rows.starts.size()) {
  constexpr std::size_t few_points = 72;
  if (points <= few_points && layout_.width() == columns && rows.adjacent(columns)) {
    in_place_ = rows.starts.front();
    return;
  }
  memory_ = Tensor::empty({std::int64_t(rows_ * layout_.width())}, kDTypeOf<T>);
  constexpr std::size_t grain = 256;  // rows
  const std::size_t blocks = divide_up(rows_, grain);
  T* memory = memory_.data<T>();
  parallel_chunks(blocks * layout_.count(), [&](std::size_t chunk) {
    const std::size_t panel = chunk / blocks, first = chunk % blocks * grain;
    const std::size_t column = layout_.first_column(panel), width = layout_.width(panel);
    const std::size_t count = std::min(grain, rows_ - first);
    std::vector<const T*> starts(rows.starts.begin() + std::ptrdiff_t(first),
                                 rows.starts.begin() + std::ptrdiff_t(first + count));
    for (const T*& start : starts) start += std::ptrdiff_t(column) * rows.step;
    pack_rows(starts.data(), count, rows.step, layout_.columns(panel), width,
              memory + rows_ * column + first * width);
  });
}

template <class T>
void run_row_product(const GridExtent& extent, const PointGrid<const T>& in,
                     const std::vector<std::ptrdiff_t>& taps, std::size_t depth,
                     const PanelMatrix<T>& b, const PointGrid<T>& out,
                     const RowEpilogue<T>& epilogue) {
  const PanelLayout& layout = b.layout();
  const std::size_t points = extent.points(), blocks = divide_up(points, kRowBlock);
  // Few points: more chunks by panels. Many weights: a group of panels stays in cache while
  // the images stream past. Else the reverse.
  const std::size_t bytes = std::max<std::size_t>(b.rows() * layout.width() * sizeof(T), 1);
  const std::size_t wanted = std::max(divide_up(bytes, kPanelBytes / 2), divide_up(16, blocks));
  const std::size_t per_group = divide_up(layout.count(), std::min(wanted, layout.count()));
  const std::size_t groups = divide_up(layout.count(), per_group);
  const bool images_stream = bytes > kPanelBytes;
  parallel_chunks(blocks * groups, [&](std::size_t chunk) {
    const std::size_t block = images_stream ? chunk % blocks : chunk / groups;
    const std::size_t group = images_stream ? chunk / blocks : chunk % groups;
    const T* rows[kRowBlock];
    T* outs[kRowBlock];
    const std::size_t begin = block * kRowBlock, end = std::min(begin + kRowBlock, points);
    for_points(extent, begin, end,
               [&](std::size_t i, std::int64_t image, std::int64_t row, std::int64_t column) {
                 rows[i] = point_at(in, image, row, column);
                 outs[i] = point_at(out, image, row, column);
               });
    const auto multiply = [&](std::size_t panel, const Part& part) {
      row_product<T>({.rows = rows,
                      .outs = outs,
                      .count = end - begin,
                      .offsets = part.offsets,
                      .taps = part.taps,
                      .depth = part.depth,
                      .b = b.panel(panel) + part.first * b.stride(panel),
                      .b_stride = b.stride(panel),
                      .vectors = layout.vectors(panel),
                      .column = layout.first_column(panel),
                      .columns = layout.columns(panel),
                      .accumulate = epilogue.accumulate || part.first > 0,
                      .bias = part.last ? epilogue.bias : nullptr,
                      .residual = part.last ? epilogue.residual : nullptr,
                      .origin = out.base,
                      .relu = part.last && epilogue.relu});
    };
    const std::size_t first = group * per_group, last = std::min(first + per_group, layout.count());
    if (!b.in_place()) {
      const Part all{taps.data(), taps.size(), depth, 0, true};
      for (std::size_t panel = first; panel < last; ++panel) multiply(panel, all);
      return;
    }
    // A panel in place touches a memory page for each row: few rows at a time.
    for (std::size_t tap = 0; tap < taps.size(); ++tap) {
      for (std::size_t done = 0; done < depth; done += kRowsInPlace) {
        const std::ptrdiff_t offset = taps[tap] + std::ptrdiff_t(done);
        const std::size_t count_rows = std::min(kRowsInPlace, depth - done);
        const Part part{&offset, 1, count_rows, tap * depth + done,
                        tap + 1 == taps.size() && done + count_rows == depth};
        for (std::size_t panel = first; panel < last; ++panel) {
          multiply(panel, part);
        }
      }
    }
  });
}

template <class T>
void run_column_product(const ColumnProductTask<T>& task) {
  const PanelLayout layout = panel_layout<T>(task.columns);
  const std::size_t height = tile_rows<T>(layout.vectors(0));
  const std::size_t tiles_per_run = divide_up(task.run, height);
  const std::size_t tiles = tiles_per_run * task.taps.size();
  const std::size_t segments = std::min(tiles, divide_up(8, layout.count()));
  const std::size_t points = task.extent.points();
  parallel_chunks(segments * layout.count(), [&](std::size_t chunk) {
    const std::size_t panel = chunk / segments, segment = chunk % segments;
    const std::size_t column = layout.first_column(panel), width = layout.width(panel);
    alignas(64) T packed[kSumBlock * kMaxPanelRowBytes / sizeof(T)];
    const T* a_rows[kSumBlock];
    const T* b_rows[kSumBlock];
    for (std::size_t begin = 0; begin < points; begin += kSumBlock) {
      const std::size_t count = std::min(kSumBlock, points - begin);
      for_points(task.extent, begin, begin + count,
                 [&](std::size_t i, std::int64_t image, std::int64_t row, std::int64_t x) {
                   a_rows[i] = point_at(task.a, image, row, x);
                   b_rows[i] =
                       point_at(task.b, image, row, x) + std::ptrdiff_t(column) * task.b_step;
                 });
      pack_rows(b_rows, count, task.b_step, layout.columns(panel), width, packed);
      for (std::size_t i = segment * tiles / segments; i < (segment + 1) * tiles / segments; ++i) {
        const std::size_t tap = i / tiles_per_run, tile = i % tiles_per_run;
        const std::size_t first = tile * task.run / tiles_per_run;
        column_product<T>({.points = a_rows,
                           .point_count = count,
                           .offset = task.taps[tap] + std::ptrdiff_t(first),
                           .b = packed,
                           .vectors = layout.vectors(panel),
                           .c = task.c + (tap * task.run + first) * task.c_stride + column,
                           .c_stride = task.c_stride,
                           .columns = layout.columns(panel),
                           .count = (tile + 1) * task.run / tiles_per_run - first,
                           .accumulate = task.accumulate || begin > 0});
      }
    }
  });
}

#define HUSH_INSTANTIATE(T)                                                             \
  template class PanelMatrix<T>;                                                        \
  template void run_row_product(                                                        \
      const GridExtent&, const PointGrid<const T>&, const std::vector<std::ptrdiff_t>&, \
      std::size_t, const PanelMatrix<T>&, const PointGrid<T>&, const RowEpilogue<T>&);  \
  template void run_column_product(const ColumnProductTask<T>&);
HUSH_INSTANTIATE(float)
HUSH_INSTANTIATE(Ring)
#undef HUSH_INSTANTIATE

}  // namespace hush
