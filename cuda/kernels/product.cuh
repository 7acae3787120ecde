// The register-tiled matrix product under GEMM and all three passes of a convolution.
//
// C [m, n] = the sum over `depth` of A [m, depth] B [depth, n]. A and B are *operands*: they say
// where an element lies, so that a convolution multiplies straight from the image (implicit GEMM)
// and nothing is unfolded. Tiles of A and B are staged in shared memory, twice, so that the next
// ones are on their way while the current ones are multiplied; one barrier per step.
//
// An operand is a plain struct with
//   static constexpr bool kDepthInner;       whether neighbours in memory are neighbours in depth
//   const T* base() const;                   an address that can be read, whatever the shape
//   void select(int group);                  before anything else
//   Cursor cursor(int outer) const;          what is known once the row of A (column of B) is
//   const T* address(const Cursor&, int depth) const;   null: a zero, outside of the image
// and V neighbours in memory are read at a time. With V > 1 they never straddle a border: the
// extent along which they lie is a multiple of V, and addresses are aligned to V elements.
#pragma once

#include "cuda/launch.h"

namespace hush::cuda {

// Elements that move in one access of up to 16 bytes.
template <class T, int V>
struct alignas(V * sizeof(T)) Pack {
  T v[V];
};

template <int V, class T>
__device__ Pack<T, V> load_pack(const T* address) {
  return address == nullptr ? Pack<T, V>{} : *reinterpret_cast<const Pack<T, V>*>(address);
}

// What multiplies, and how elements come there: through registers, or copied beside them.
enum class Units { ordinary, tensor_cores, tensor_cores_pipelined };

// What one block computes: 16 × 16 threads, `rows` × `columns` elements of C each.
template <class T, int rows, int columns>
struct Tiling {
  using Element = T;
  static constexpr Units kUnits = Units::ordinary;
  static constexpr int kMaxDepth = 0x7fffffff;
  static constexpr int kSide = 16;
  static constexpr int kThreads = kSide * kSide;
  static constexpr int kWidth = 16 / int(sizeof(T));  // of a full pack
  static constexpr int kThreadRows = rows, kThreadColumns = columns;
  static constexpr int kRows = kSide * rows, kColumns = kSide * columns;
  static constexpr int kDepth = 16;  // of A and B that is staged at a time
  // That share a multiprocessor: two leave 128 registers a thread, too few for sums of 8 × 8
  // floats.
  static constexpr int kBlocks = rows * columns * int(sizeof(T)) <= 128 ? 2 : 1;
};

// A tile of one operand, [depth][outer]; one pack of padding spreads the columns over the banks.
template <class T, class Tile, int outer>
using StagedTile = Pack<T, Tile::kWidth>[Tile::kDepth][outer / Tile::kWidth + 1];

template <class T, class Tile>
struct ProductShared {
  StagedTile<T, Tile, Tile::kRows> a[2];
  StagedTile<T, Tile, Tile::kColumns> b[2];
};

// One thread's part in moving tiles of one operand, `outer` wide, from memory to shared memory.
template <class T, class Tile, int V, int outer, class Operand>
struct TileLoader {
  static constexpr int kLoads = outer * Tile::kDepth / V / Tile::kThreads;
  static_assert(kLoads * V * Tile::kThreads == outer * Tile::kDepth);
  static constexpr int kPerRow = (Operand::kDepthInner ? Tile::kDepth : outer) / V;

  typename Operand::Cursor cursor[kLoads];
  bool inside[kLoads];
  Pack<T, V> staged[kLoads];

  __device__ static int along(int j) {
    return (int(threadIdx.x) + j * Tile::kThreads) % kPerRow * V;
  }
  __device__ static int across(int j) { return (int(threadIdx.x) + j * Tile::kThreads) / kPerRow; }
  __device__ static int outer_at(int j) { return Operand::kDepthInner ? across(j) : along(j); }
  __device__ static int depth_at(int j) { return Operand::kDepthInner ? along(j) : across(j); }

  __device__ void start(const Operand& operand, int first, int extent) {
    HUSH_UNROLL
    for (int j = 0; j < kLoads; ++j) {
      inside[j] = first + outer_at(j) < extent;
      cursor[j] = operand.cursor(inside[j] ? first + outer_at(j) : 0);
    }
  }
  __device__ void fetch(const Operand& operand, int depth, int end) {
    HUSH_UNROLL
    for (int j = 0; j < kLoads; ++j)
      staged[j] = inside[j] && depth + depth_at(j) < end
                      ? load_pack<V>(operand.address(cursor[j], depth + depth_at(j)))
                      : Pack<T, V>{};
  }
  __device__ void deposit(StagedTile<T, Tile, outer>& tile) const {
    HUSH_UNROLL
    for (int j = 0; j < kLoads; ++j) {
      const int o = outer_at(j), d = depth_at(j);
      if constexpr (!Operand::kDepthInner && V == Tile::kWidth) {
        tile[d][o / V] = staged[j];
      } else {
        HUSH_UNROLL
        for (int v = 0; v < V; ++v) {
          const int at = Operand::kDepthInner ? o : o + v;
          tile[Operand::kDepthInner ? d + v : d][at / Tile::kWidth].v[at % Tile::kWidth] =
              staged[j].v[v];
        }
      }
    }
  }
};

struct ProductShape {
  int m = 0, n = 0, depth = 0;
  int splits = 1, depth_per_split = 0;
};

// What block (i, j, group · splits + split) computes: tile (i, j) of C over one stretch of the
// depth.
struct ProductBlock {
  int group, split, row, column;
  int begin, end;  // of the depth

  template <class Tile>
  __device__ static ProductBlock of(const ProductShape& s) {
    const int split = int(blockIdx.z) % s.splits, begin = split * s.depth_per_split;
    return {int(blockIdx.z) / s.splits,
            split,
            int(blockIdx.x) * Tile::kRows,
            int(blockIdx.y) * Tile::kColumns,
            begin,
            s.depth - begin < s.depth_per_split ? s.depth : begin + s.depth_per_split};
  }
};

// The first element of pack `p` of a thread's rows (columns): packs of the threads alternate.
template <class Tile>
__device__ int pack_start(int thread, int p) {
  return (p * Tile::kSide + thread) * Tile::kWidth;
}

template <class T, class Tile>
struct Accumulators {
  static constexpr int kRowPacks = Tile::kThreadRows / Tile::kWidth;
  static constexpr int kColumnPacks = Tile::kThreadColumns / Tile::kWidth;

  T sum[Tile::kThreadRows][Tile::kThreadColumns];

  __device__ void multiply(const StagedTile<T, Tile, Tile::kRows>& a,
                           const StagedTile<T, Tile, Tile::kColumns>& b) {
    const int column = int(threadIdx.x) % Tile::kSide, row = int(threadIdx.x) / Tile::kSide;
    HUSH_UNROLL
    for (int d = 0; d < Tile::kDepth; ++d) {
      Pack<T, Tile::kWidth> left[kRowPacks], right[kColumnPacks];
      HUSH_UNROLL
      for (int p = 0; p < kRowPacks; ++p) left[p] = a[d][p * Tile::kSide + row];
      HUSH_UNROLL
      for (int p = 0; p < kColumnPacks; ++p) right[p] = b[d][p * Tile::kSide + column];
      HUSH_UNROLL
      for (int i = 0; i < Tile::kThreadRows; ++i) HUSH_UNROLL
      for (int j = 0; j < Tile::kThreadColumns; ++j)
        sum[i][j] += left[i / Tile::kWidth].v[i % Tile::kWidth] *
                     right[j / Tile::kWidth].v[j % Tile::kWidth];
    }
  }

  template <int V, class Output>
  __device__ void store(const Output& output, int row0, int column0, int m, int n,
                        int split) const {
    const int thread_column = int(threadIdx.x) % Tile::kSide;
    const int thread_row = int(threadIdx.x) / Tile::kSide;
    HUSH_UNROLL
    for (int i = 0; i < Tile::kThreadRows; ++i) HUSH_UNROLL
    for (int p = 0; p < kColumnPacks; ++p) {
      const int row = row0 + pack_start<Tile>(thread_row, i / Tile::kWidth) + i % Tile::kWidth;
      const int column = column0 + pack_start<Tile>(thread_column, p);
      HUSH_UNROLL
      for (int v = 0; v < Tile::kWidth; v += V) {
        if (row >= m || column + v >= n) continue;
        Pack<T, V> values;
        HUSH_UNROLL
        for (int u = 0; u < V; ++u) values.v[u] = sum[i][p * Tile::kWidth + v + u];
        output.template store<V>(row, column + v, split, values);
      }
    }
  }
};

// A thread computes Tile::kThreadRows × kThreadColumns elements of its block's tile. Shared memory:
// 2 · 16 · (rows + columns) elements and padding, 34 KiB at most.
template <class Tile, int V, class A, class B, class Output>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    product_kernel(A a, B b, Output output, ProductShape s) {
  using T = typename Tile::Element;
  auto& shared = shared_memory<ProductShared<T, Tile>>();
  const auto block = ProductBlock::of<Tile>(s);
  a.select(block.group);
  b.select(block.group);
  output.select(block.group);

  TileLoader<T, Tile, V, Tile::kRows, A> loader_a;
  TileLoader<T, Tile, V, Tile::kColumns, B> loader_b;
  loader_a.start(a, block.row, s.m);
  loader_b.start(b, block.column, s.n);
  loader_a.fetch(a, block.begin, block.end);
  loader_b.fetch(b, block.begin, block.end);
  loader_a.deposit(shared.a[0]);
  loader_b.deposit(shared.b[0]);
  __syncthreads();

  Accumulators<T, Tile> accumulators{};
  int current = 0;
  for (int depth = block.begin; depth < block.end; depth += Tile::kDepth) {
    const bool more = block.end - depth > Tile::kDepth;
    if (more) {
      loader_a.fetch(a, depth + Tile::kDepth, block.end);
      loader_b.fetch(b, depth + Tile::kDepth, block.end);
    }
    accumulators.multiply(shared.a[current], shared.b[current]);
    current = 1 - current;
    if (more) {  // into the tiles that all threads were done with at the last barrier
      loader_a.deposit(shared.a[current]);
      loader_b.deposit(shared.b[current]);
    }
    __syncthreads();
  }
  accumulators.template store<V>(output, block.row, block.column, s.m, s.n, block.split);
}

}  // namespace hush::cuda
