// The tiled matrix product on tensor cores: as product.cuh, with the same operands and outputs, but
// warps multiply fragments with mma instead of threads multiplying elements.
//
// Tiles are staged as the words of an arithmetic (tensor_arithmetic.cuh), [plane][word of depth]
// [outer]. A fragment's load takes 4 words of depth × 8 outers, a deposit along depth 8 words × 4
// outers or alike; `swizzled` places outers so that both hit 32 banks without padding.
#pragma once

#include "cuda/kernels/fragment_sums.cuh"

namespace hush::cuda {

// What one block computes: warp_rows × warp_columns warps, each row_fragments · 16 rows and
// column_fragments · 8 columns of C; `words` of depth are staged at a time.
template <class Arithmetic_, int warp_rows, int warp_columns, int row_fragments,
          int column_fragments, int words>
struct TensorTiling {
  using Arithmetic = Arithmetic_;
  using Element = typename Arithmetic::Element;
  static constexpr Units kUnits = Units::tensor_cores;
  static constexpr int kMaxDepth = Arithmetic::kMaxDepth;
  static constexpr int kWarpColumns = warp_columns;
  static constexpr int kThreads = warp_rows * warp_columns * 32;
  static constexpr int kRowFragments = row_fragments, kColumnFragments = column_fragments;
  static constexpr int kWarpHeight = row_fragments * 16, kWarpWidth = column_fragments * 8;
  static constexpr int kRows = warp_rows * kWarpHeight, kColumns = warp_columns * kWarpWidth;
  static constexpr int kWords = words;
  static constexpr int kDepth = words * Arithmetic::kPerWord;
  static_assert(kRows % 32 == 0 && kColumns % 32 == 0 && words % 8 == 0);
};

template <class Tile, int outer>
using WordTile = std::uint32_t[Tile::Arithmetic::kPlanes][Tile::kWords][outer];

template <class Tile>
struct alignas(16) TensorShared {
  WordTile<Tile, Tile::kRows> a[2];
  WordTile<Tile, Tile::kColumns> b[2];
};

// Where outer `o` of word `w` lies. Keeps groups of four neighbours together.
__device__ inline int swizzled(int w, int o) {
  return o ^ ((w & 3) << 3 ^ (w & 12));
}

// One thread's part in staging tiles of one operand. It loads *units*, each of which makes whole
// words: neighbours in depth of one outer, or kPerWord depths of V neighbouring outers.
template <class Tile, int V, int outer, class Operand>
struct WordLoader {
  using Arithmetic = typename Tile::Arithmetic;
  using T = typename Arithmetic::Element;
  static constexpr bool kDepthInner = Operand::kDepthInner;
  static constexpr int kPerWord = Arithmetic::kPerWord;
  static constexpr int kUnitOuter = kDepthInner ? 1 : V;
  static constexpr int kUnitDepth = kDepthInner && V > kPerWord ? V : kPerWord;
  static constexpr int kPacks = kUnitOuter * kUnitDepth / V;
  static constexpr int kPackDepth = kDepthInner ? V : 1;  // from one pack of a unit to the next
  static constexpr int kUnits = outer * Tile::kDepth / (kUnitOuter * kUnitDepth) / Tile::kThreads;
  static constexpr int kPerRow = kDepthInner ? Tile::kDepth / kUnitDepth : outer / kUnitOuter;
  static_assert(kUnits * kUnitOuter * kUnitDepth * Tile::kThreads == outer * Tile::kDepth);

  typename Operand::Cursor cursor[kUnits];
  bool inside[kUnits];
  Pack<T, V> staged[kUnits][kPacks];

  __device__ static int along(int j) { return (int(threadIdx.x) + j * Tile::kThreads) % kPerRow; }
  __device__ static int across(int j) { return (int(threadIdx.x) + j * Tile::kThreads) / kPerRow; }
  __device__ static int outer_at(int j) {
    return (kDepthInner ? across(j) : along(j)) * kUnitOuter;
  }
  __device__ static int depth_at(int j) {
    return (kDepthInner ? along(j) : across(j)) * kUnitDepth;
  }

  __device__ void start(const Operand& operand, int first, int extent) {
    HUSH_UNROLL
    for (int j = 0; j < kUnits; ++j) {
      inside[j] = first + outer_at(j) < extent;
      cursor[j] = operand.cursor(inside[j] ? first + outer_at(j) : 0);
    }
  }
  __device__ void fetch(const Operand& operand, int depth, int end) {
    HUSH_UNROLL
    for (int j = 0; j < kUnits; ++j) HUSH_UNROLL
    for (int p = 0; p < kPacks; ++p) {
      const int at = depth + depth_at(j) + p * kPackDepth;
      staged[j][p] =
          inside[j] && at < end ? load_pack<V>(operand.address(cursor[j], at)) : Pack<T, V>{};
    }
  }
  // Element (u, d) of unit j.
  __device__ T element(int j, int u, int d) const {
    return kDepthInner ? staged[j][d / V].v[d % V] : staged[j][d].v[u];
  }
  __device__ void deposit(WordTile<Tile, outer>& tile) const {
    HUSH_UNROLL
    for (int j = 0; j < kUnits; ++j) HUSH_UNROLL
    for (int first = 0; first < kUnitDepth; first += kPerWord) {
      Pack<std::uint32_t, kUnitOuter> words[Arithmetic::kPlanes];
      HUSH_UNROLL
      for (int u = 0; u < kUnitOuter; ++u) {
        T elements[kPerWord];
        std::uint32_t planes[Arithmetic::kPlanes];
        HUSH_UNROLL
        for (int d = 0; d < kPerWord; ++d) elements[d] = element(j, u, first + d);
        Arithmetic::pack(elements, planes);
        HUSH_UNROLL
        for (int p = 0; p < Arithmetic::kPlanes; ++p) words[p].v[u] = planes[p];
      }
      const int w = (depth_at(j) + first) / kPerWord, o = swizzled(w, outer_at(j));
      HUSH_UNROLL
      for (int p = 0; p < Arithmetic::kPlanes; ++p)
        *reinterpret_cast<Pack<std::uint32_t, kUnitOuter>*>(&tile[p][w][o]) = words[p];
    }
  }
};

template <class Tile>
__device__ void multiply_words(const WordTile<Tile, Tile::kRows>& a,
                               const WordTile<Tile, Tile::kColumns>& b, FragmentSums<Tile>& sums) {
  using Arithmetic = typename Tile::Arithmetic;
  using Sums = FragmentSums<Tile>;
  constexpr int kPlanes = Arithmetic::kPlanes;
  const int t = int(threadIdx.x) % 4, column = Sums::warp_column() + int(threadIdx.x) % 32 / 4;
  HUSH_UNROLL
  for (int first = 0; first < Tile::kWords; first += 8) {
    const int low = first + t, high = low + 4;
    std::uint32_t right[kPlanes][Tile::kColumnFragments][2];
    HUSH_UNROLL
    for (int q = 0; q < kPlanes; ++q) HUSH_UNROLL
    for (int j = 0; j < Tile::kColumnFragments; ++j) {
      right[q][j][0] = b[q][low][swizzled(low, column + 8 * j)];
      right[q][j][1] = b[q][high][swizzled(high, column + 8 * j)];
    }
    HUSH_UNROLL
    for (int p = 0; p < kPlanes; ++p) {
      std::uint32_t left[Tile::kRowFragments][4];
      HUSH_UNROLL
      for (int i = 0; i < Tile::kRowFragments; ++i) {
        left[i][0] = a[p][low][swizzled(low, Sums::row() + 16 * i)];
        left[i][1] = a[p][low][swizzled(low, Sums::row() + 16 * i + 8)];
        left[i][2] = a[p][high][swizzled(high, Sums::row() + 16 * i)];
        left[i][3] = a[p][high][swizzled(high, Sums::row() + 16 * i + 8)];
      }
      HUSH_UNROLL
      for (int q = 0; q < kPlanes - p; ++q) HUSH_UNROLL
      for (int i = 0; i < Tile::kRowFragments; ++i) HUSH_UNROLL
      for (int j = 0; j < Tile::kColumnFragments; ++j)
        Arithmetic::mma(sums.sum[p + q][i][j], left[i], right[q][j]);
    }
  }
}

// A warp computes kWarpHeight × kWarpWidth elements of its block's tile. Shared memory: the words
// of both tiles, 32 KiB.
template <class Tile, int V, class A, class B, class Output>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    tensor_product_kernel(A a, B b, Output output, ProductShape s) {
  auto& shared = shared_memory<TensorShared<Tile>>();
  const auto block = ProductBlock::of<Tile>(s);
  a.select(block.group);
  b.select(block.group);
  output.select(block.group);

  WordLoader<Tile, V, Tile::kRows, A> loader_a;
  WordLoader<Tile, V, Tile::kColumns, B> loader_b;
  loader_a.start(a, block.row, s.m);
  loader_b.start(b, block.column, s.n);
  loader_a.fetch(a, block.begin, block.end);
  loader_b.fetch(b, block.begin, block.end);

  FragmentSums<Tile> sums{};
  int stage = 0;
  for (int depth = block.begin; depth < block.end; depth += Tile::kDepth) {
    loader_a.deposit(shared.a[stage]);
    loader_b.deposit(shared.b[stage]);
    __syncthreads();
    if (block.end - depth > Tile::kDepth) {  // on their way while these are multiplied
      loader_a.fetch(a, depth + Tile::kDepth, block.end);
      loader_b.fetch(b, depth + Tile::kDepth, block.end);
    }
    multiply_words<Tile>(shared.a[stage], shared.b[stage], sums);
    stage = 1 - stage;  // all threads are done with that one: they came to the barrier
  }
  sums.template store<V>(output, block.row, block.column, s.m, s.n, block.split);
}

}  // namespace hush::cuda
