// The tiled matrix product of bf16 elements on tensor cores: as tensor_product.cuh, but elements
// need no conversion on their way, so that they pass no register. Several tiles are under way from
// memory while one is multiplied (cp.async), and ldmatrix makes fragments of either order in which
// an operand lies.
//
// Tiles are staged in *chunks* of 8 neighbours in memory, [outer][chunk of depth] or [depth][chunk
// of outers]; `chunk_place` orders the chunks of a row so that neither a copy nor an ldmatrix meets
// a bank twice.
#pragma once

#include "cuda/kernels/fragment_sums.cuh"
#include "cuda/kernels/staging.cuh"

namespace hush::cuda {

using Chunk = Pack<Bf16, 8>;

// What one block computes: warp_rows × warp_columns warps, each row_fragments · 16 rows and
// column_fragments · 8 columns of C. `blocks` of them at least share a multiprocessor.
template <int warp_rows, int warp_columns, int row_fragments, int column_fragments, int blocks>
struct PipelinedTiling {
  using Arithmetic = Bf16Arithmetic;
  using Element = float;  // of C
  static constexpr Units kUnits = Units::tensor_cores_pipelined;
  static constexpr int kMaxDepth = Arithmetic::kMaxDepth;
  static constexpr int kBlocks = blocks;
  static constexpr int kWarpColumns = warp_columns;
  static constexpr int kThreads = warp_rows * warp_columns * 32;
  static constexpr int kRowFragments = row_fragments, kColumnFragments = column_fragments;
  static constexpr int kWarpHeight = row_fragments * 16, kWarpWidth = column_fragments * 8;
  static constexpr int kRows = warp_rows * kWarpHeight, kColumns = warp_columns * kWarpWidth;
  static constexpr int kDepth = 32;
  static constexpr int kChunksA = kRows * kDepth / 8, kChunksB = kColumns * kDepth / 8;
  // As many as fit into the 48 KiB that a block has without asking for more.
  static constexpr int kStages =
      (48 << 10) / ((kChunksA + kChunksB) * int(sizeof(Chunk))) >= 4 ? 4 : 3;
  static_assert(kRows % 32 == 0 && kColumns % 32 == 0 && column_fragments % 2 == 0);
};

template <class Tile>
struct PipelinedShared {
  Chunk a[Tile::kStages][Tile::kChunksA];
  Chunk b[Tile::kStages][Tile::kChunksB];
};

// Of chunk `c` of row `r` in rows of `chunks` chunks (4, 8 or 16). Eight chunks fill all banks: the
// same c of eight neighbouring rows, and eight neighbours of one row, lie in different ones.
template <int chunks>
__device__ int chunk_place(int r, int c) {
  return r * chunks + (c ^ (chunks == 4 ? r >> 1 & 3 : r & 7));
}

// One thread's part in copying tiles of one operand, `outer` wide.
template <class Tile, int outer, class Operand>
struct ChunkCopier {
  static constexpr bool kDepthInner = Operand::kDepthInner;
  static constexpr int kPerRow = (kDepthInner ? Tile::kDepth : outer) / 8;
  static constexpr int kCopies = outer * Tile::kDepth / 8 / Tile::kThreads;
  static_assert(kCopies * 8 * Tile::kThreads == outer * Tile::kDepth);

  typename Operand::Cursor cursor[kCopies];
  bool inside[kCopies];

  __device__ static int chunk(int j) { return (int(threadIdx.x) + j * Tile::kThreads) % kPerRow; }
  __device__ static int row(int j) { return (int(threadIdx.x) + j * Tile::kThreads) / kPerRow; }
  __device__ static int outer_at(int j) { return kDepthInner ? row(j) : chunk(j) * 8; }
  __device__ static int depth_at(int j) { return kDepthInner ? chunk(j) * 8 : row(j); }

  __device__ void start(const Operand& operand, int first, int extent) {
    HUSH_UNROLL
    for (int j = 0; j < kCopies; ++j) {
      inside[j] = first + outer_at(j) < extent;
      cursor[j] = operand.cursor(inside[j] ? first + outer_at(j) : 0);
    }
  }
  // Starts to copy what lies at `depth`, up to `end`; all beyond the operand's border is zero.
  __device__ void copy(const Operand& operand, int depth, int end, Chunk* tile) const {
    HUSH_UNROLL
    for (int j = 0; j < kCopies; ++j) {
      const int at = depth + depth_at(j);
      const Bf16* from = inside[j] && at < end ? operand.address(cursor[j], at) : nullptr;
      copy_async(&tile[chunk_place<kPerRow>(row(j), chunk(j))],
                 from == nullptr ? operand.base() : from, from == nullptr);
    }
  }
};

// Words of the 16 outers and 16 depths from (`first_outer`, `first_depth`) on: those of outers 0-7
// and 8-15 at depths 0-7, then at depths 8-15, each as a fragment of mma.cuh holds it.
template <class Tile, int outer, bool depth_inner>
__device__ void load_fragments(const Chunk* tile, int first_outer, int first_depth,
                               std::uint32_t (&words)[4]) {
  const int lane = int(threadIdx.x) % 32, row = lane % 8;
  const int outer_half = lane / 8 % 2, depth_half = lane / 16;
  if constexpr (depth_inner)
    load_matrices(words, &tile[chunk_place<Tile::kDepth / 8>(first_outer + outer_half * 8 + row,
                                                             first_depth / 8 + depth_half)]);
  else
    load_matrices_transposed(words, &tile[chunk_place<outer / 8>(first_depth + depth_half * 8 + row,
                                                                 first_outer / 8 + outer_half)]);
}

template <class Tile, bool a_depth_inner, bool b_depth_inner>
__device__ void multiply_chunks(const Chunk* a, const Chunk* b, FragmentSums<Tile>& sums) {
  using Sums = FragmentSums<Tile>;
  HUSH_UNROLL
  for (int depth = 0; depth < Tile::kDepth; depth += 16) {
    std::uint32_t right[Tile::kColumnFragments / 2][4];
    HUSH_UNROLL
    for (int j = 0; j < Tile::kColumnFragments / 2; ++j)
      load_fragments<Tile, Tile::kColumns, b_depth_inner>(b, Sums::warp_column() + 16 * j, depth,
                                                          right[j]);
    HUSH_UNROLL
    for (int i = 0; i < Tile::kRowFragments; ++i) {
      std::uint32_t left[4];
      load_fragments<Tile, Tile::kRows, a_depth_inner>(a, Sums::warp_row() + 16 * i, depth, left);
      HUSH_UNROLL
      for (int j = 0; j < Tile::kColumnFragments; ++j) {
        const std::uint32_t column[2] = {right[j / 2][j % 2], right[j / 2][j % 2 + 2]};
        Tile::Arithmetic::mma(sums.sum[0][i][j], left, column);
      }
    }
  }
}

// A warp computes kWarpHeight × kWarpWidth elements of its block's tile. Shared memory: kStages
// tiles of both operands, 48 KiB at most. Every chunk lies in memory as a whole: the extents along
// which operands are contiguous are multiples of 8, and so are their pitches.
template <class Tile, class A, class B, class Output>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    pipelined_product_kernel(A a, B b, Output output, ProductShape s) {
  auto& shared = shared_memory<PipelinedShared<Tile>>();
  const auto block = ProductBlock::of<Tile>(s);
  a.select(block.group);
  b.select(block.group);
  output.select(block.group);

  ChunkCopier<Tile, Tile::kRows, A> copier_a;
  ChunkCopier<Tile, Tile::kColumns, B> copier_b;
  copier_a.start(a, block.row, s.m);
  copier_b.start(b, block.column, s.n);
  // The tile that lies `distance` behind `depth`.
  const auto copy = [&](int depth, int distance, int stage) {
    if (block.end - depth > distance) {
      copier_a.copy(a, depth + distance, block.end, shared.a[stage]);
      copier_b.copy(b, depth + distance, block.end, shared.b[stage]);
    }
    commit_copies();  // of nothing, too: the groups are counted
  };
  constexpr int ahead = Tile::kStages - 1;
  HUSH_UNROLL
  for (int i = 0; i < ahead; ++i) copy(block.begin, i * Tile::kDepth, i);

  FragmentSums<Tile> sums{};
  int stage = 0, free_stage = ahead;
  for (int depth = block.begin; depth < block.end; depth += Tile::kDepth) {
    wait_for_copies<ahead - 1>();
    __syncthreads();  // this tile is here, and all threads are done with the last one
    copy(depth, ahead * Tile::kDepth, free_stage);
    multiply_chunks<Tile, A::kDepthInner, B::kDepthInner>(shared.a[stage], shared.b[stage], sums);
    free_stage = stage;
    stage = stage + 1 == Tile::kStages ? 0 : stage + 1;
  }
  sums.template store<2>(output, block.row, block.column, s.m, s.n, block.split);
}

}  // namespace hush::cuda
