// The tile kernels, compiled once for each instruction set (no include guard but Highway's
// toggle). The tile of C must stay in registers: its shape (rows × vectors) is a template
// parameter and every loop over it is unrolled.
#if defined(HUSH_PRODUCT_KERNELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HUSH_PRODUCT_KERNELS_INL
#undef HUSH_PRODUCT_KERNELS_INL
#else
#define HUSH_PRODUCT_KERNELS_INL
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/cpu/product_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Vector = hn::Vec<hn::ScalableTag<T>>;

template <class T>
inline constexpr std::size_t kLanes = hn::MaxLanes(hn::ScalableTag<T>());

// Tiles: rows × vectors accumulators, the vectors of B and one broadcast must fit the registers;
// more accumulators hide latency, more rows spare loads of B, more vectors spare broadcasts.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
inline constexpr std::array<std::size_t, 5> kTileRows = {0, 16, 14, 0, 6};
#else
inline constexpr std::array<std::size_t, 5> kTileRows = {0, 8, 6, 0, 0};
#endif
// How many rows of B ahead are fetched into the nearest cache: B streams from the second level or
// from memory, and its rows need not be adjacent.
inline constexpr std::size_t kRowsAhead = 48;
// The same for points of a column product, whose distance hardware does not guess.
inline constexpr std::size_t kPointsAhead = 8;

HWY_INLINE Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
  return hn::MulAdd(a, b, c);
}

HWY_INLINE Vector<Ring> multiply_add(Vector<Ring> a, Vector<Ring> b, Vector<Ring> c) {
#if HWY_TARGET == HWY_AVX3
  return hn::Add(hn::Mul(a, b), c);
#elif HWY_TARGET == HWY_SCALAR
  return hn::Set(hn::ScalableTag<Ring>(), hn::GetLane(a) * hn::GetLane(b) + hn::GetLane(c));
#else
  // 64 × 64 → 64 bits from 32 × 32 → 64: the product of the high halves leaves the ring.
  const hn::ScalableTag<Ring> d;
  const hn::Repartition<std::uint32_t, decltype(d)> half;
  const auto a32 = hn::BitCast(half, a), b32 = hn::BitCast(half, b);
  const auto a_high = hn::BitCast(half, hn::ShiftRight<32>(a));
  const auto b_high = hn::BitCast(half, hn::ShiftRight<32>(b));
  const auto cross = hn::Add(hn::MulEven(a_high, b32), hn::MulEven(a32, b_high));
  return hn::Add(c, hn::Add(hn::MulEven(a32, b32), hn::ShiftLeft<32>(cross)));
#endif
}

// The first `count` elements at p, the others 0. A masked store would touch, on some instruction
// sets, neighbours that belong to another thread.
template <class T>
HWY_INLINE Vector<T> load_first(const T* p, std::size_t count) {
  const hn::ScalableTag<T> d;
  if (count >= kLanes<T>) return hn::LoadU(d, p);
  HWY_ALIGN T buffer[kLanes<T>] = {};
  std::memcpy(buffer, p, count * sizeof(T));
  return hn::Load(d, buffer);
}

template <class T>
HWY_INLINE void store_first(Vector<T> v, T* p, std::size_t count) {
  const hn::ScalableTag<T> d;
  if (count >= kLanes<T>) return hn::StoreU(v, d, p);
  HWY_ALIGN T buffer[kLanes<T>];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, count * sizeof(T));
}

// Stores a tile that was spilled to `tile`, [rows][kWidth]: the way of partial panels and of all
// that has an epilogue. Out of line, as it runs once for each long walk through the tile. Whole
// panels that accumulate began their sums with what C holds.
template <class T, std::size_t kVectors>
HWY_NOINLINE void finish_rows(const RowProduct<T>& p, std::size_t first, std::size_t rows,
                              const T* tile) {
  const hn::ScalableTag<T> d;
  for (std::size_t r = 0; r < rows; ++r) {
    T* out = p.outs[first + r] + p.column;
    for (std::size_t i = 0; i < p.columns; i += kLanes<T>, out += kLanes<T>) {
      const std::size_t left = p.columns - i;
      Vector<T> v = hn::Load(d, tile + r * kVectors * kLanes<T> + i);
      if (p.accumulate && p.columns < kVectors * kLanes<T>) v = hn::Add(v, load_first(out, left));
      if (p.bias != nullptr) v = hn::Add(v, load_first(p.bias + p.column + i, left));
      if (p.residual != nullptr) v = hn::Add(v, load_first(p.residual + (out - p.origin), left));
      if constexpr (std::is_same_v<T, float>) {
        if (p.relu) v = hn::Max(v, hn::Zero(d));
      }
      store_first(v, out, left);
    }
  }
}

template <class T, std::size_t kVectors>
HWY_NOINLINE void finish_columns(const ColumnProduct<T>& p, const T* tile) {
  const hn::ScalableTag<T> d;
  for (std::size_t r = 0; r < p.count; ++r) {
    T* out = p.c + r * p.c_stride;
    for (std::size_t i = 0; i < p.columns; i += kLanes<T>, out += kLanes<T>) {
      const std::size_t left = p.columns - i;
      Vector<T> v = hn::Load(d, tile + r * kVectors * kLanes<T> + i);
      if (p.accumulate) v = hn::Add(v, load_first(out, left));
      store_first(v, out, left);
    }
  }
}

template <class T, std::size_t kRows, std::size_t kVectors>
void row_tile(const RowProduct<T>& p, std::size_t first) {
  const hn::ScalableTag<T> d;
  constexpr std::size_t kWidth = kVectors * kLanes<T>;
  const T* const* rows = p.rows + first;
  const bool whole = p.columns == kWidth;
  Vector<T> sum[kRows][kVectors];
  if (p.accumulate && whole) {
    HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
      const T* out = p.outs[first + r] + p.column;
      HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
        sum[r][v] = hn::LoadU(d, out + v * kLanes<T>);
      }
    }
  } else {
    HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
    }
  }
  const T* b = p.b;
  const std::size_t b_stride = p.b_stride;
  // An integer, as it runs past B's end.
  auto ahead = reinterpret_cast<std::uintptr_t>(b + kRowsAhead * b_stride);
  for (std::size_t t = 0; t < p.taps; ++t) {
    const std::ptrdiff_t begin = p.offsets[t];
    const std::ptrdiff_t end = begin + std::ptrdiff_t(p.depth);
    for (std::ptrdiff_t k = begin; k < end; ++k, b += b_stride) {
      Vector<T> b_row[kVectors];
      HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
        b_row[v] = hn::LoadU(d, b + v * kLanes<T>);
        hwy::Prefetch(reinterpret_cast<const T*>(ahead) + v * kLanes<T>);
      }
      ahead += b_stride * sizeof(T);
      HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
        const Vector<T> a = hn::Set(d, rows[r][k]);
        HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
          sum[r][v] = multiply_add(a, b_row[v], sum[r][v]);
        }
      }
    }
  }
  HWY_ALIGN T results[kRows * kWidth];
  const bool plain = whole && !p.relu && p.bias == nullptr && p.residual == nullptr;
  HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
    T* out = plain ? p.outs[first + r] + p.column : results + r * kWidth;
    HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, out + v * kLanes<T>);
    }
  }
  if (!plain) finish_rows<T, kVectors>(p, first, kRows, results);
}

template <class T, std::size_t kRows, std::size_t kVectors>
void column_tile(const ColumnProduct<T>& p) {
  const hn::ScalableTag<T> d;
  constexpr std::size_t kWidth = kVectors * kLanes<T>;
  const bool whole = p.columns == kWidth;
  Vector<T> sum[kRows][kVectors];
  if (p.accumulate && whole) {
    HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
        sum[r][v] = hn::LoadU(d, p.c + r * p.c_stride + v * kLanes<T>);
      }
    }
  } else {
    HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
    }
  }
  const T* b = p.b;
  for (std::size_t i = 0; i < p.point_count; ++i, b += kWidth) {
    const T* a_row = p.points[i] + p.offset;
    const T* a_ahead = p.points[std::min(i + kPointsAhead, p.point_count - 1)] + p.offset;
    hwy::Prefetch(a_ahead);
    hwy::Prefetch(a_ahead + kRows - 1);
    Vector<T> b_row[kVectors];
    HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
      b_row[v] = hn::Load(d, b + v * kLanes<T>);
    }
    HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
      const Vector<T> a = hn::Set(d, a_row[r]);
      HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
        sum[r][v] = multiply_add(a, b_row[v], sum[r][v]);
      }
    }
  }
  HWY_ALIGN T tile[kRows * kWidth];
  HWY_UNROLL(32) for (std::size_t r = 0; r < kRows; ++r) {
    T* out = whole ? p.c + r * p.c_stride : tile + r * kWidth;
    HWY_UNROLL(4) for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, out + v * kLanes<T>);
    }
  }
  if (!whole) finish_columns<T, kVectors>(p, tile);
}

// Tables of tiles by rows, one for each panel width.
template <class T, std::size_t kVectors, std::size_t... kRow>
constexpr std::array<void (*)(const RowProduct<T>&, std::size_t), sizeof...(kRow) + 1> row_tiles(
    std::index_sequence<kRow...>) {
  return {nullptr, &row_tile<T, kRow + 1, kVectors>...};
}
template <class T, std::size_t kVectors, std::size_t... kRow>
constexpr std::array<void (*)(const ColumnProduct<T>&), sizeof...(kRow) + 1> column_tiles(
    std::index_sequence<kRow...>) {
  return {nullptr, &column_tile<T, kRow + 1, kVectors>...};
}

// Tiles of nearly equal height: 16 rows are 8 + 8, not 14 + 2.
template <class T, std::size_t kVectors>
void run_row_tiles(const RowProduct<T>& p) {
  static constexpr auto table =
      row_tiles<T, kVectors>(std::make_index_sequence<kTileRows[kVectors]>());
  const std::size_t tiles = (p.count + kTileRows[kVectors] - 1) / kTileRows[kVectors];
  for (std::size_t i = 0, first = 0; i < tiles; ++i) {
    const std::size_t rows = (p.count - first) / (tiles - i);
    table[rows](p, first);
    first += rows;
  }
}

template <class T, std::size_t kVectors>
void run_column_tile(const ColumnProduct<T>& p) {
  static constexpr auto table =
      column_tiles<T, kVectors>(std::make_index_sequence<kTileRows[kVectors]>());
  table[p.count](p);
}

template <class T>
void row_product_of(const RowProduct<T>& p) {
  if (p.vectors == 1) return run_row_tiles<T, 1>(p);
  if (p.vectors == 2) return run_row_tiles<T, 2>(p);
  if constexpr (kTileRows[4] != 0) run_row_tiles<T, 4>(p);
}

template <class T>
void column_product_of(const ColumnProduct<T>& p) {
  if (p.vectors == 1) return run_column_tile<T, 1>(p);
  if (p.vectors == 2) return run_column_tile<T, 2>(p);
  if constexpr (kTileRows[4] != 0) run_column_tile<T, 4>(p);
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();
#endif
