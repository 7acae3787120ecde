// Reductions over all rows of a [rows, channels] matrix, per channel: sums, moments, gradients.
//
// What is reduced is a `Body`, a plain struct with
//   using State = …;                         trivial, so that it can be shared; State{} is empty
//   void add(State&, std::int64_t i, int channel, int slice) const;   element i of the matrix
//   void merge(State&, const State&) const;
//   void finish(int channel, int slice, const State&) const;          writes the result
// Two kernels: blocks reduce stretches of rows, then one block per 32 channels merges what they
// left, always in the same order. `slices` repeats the whole for different add()s (blockIdx.z).
//
// Fewer than 32 channels would leave lanes idle; if their number divides 32, several rows are seen
// as one of 32 elements, and folded at the end.
#pragma once

#include <algorithm>

#include "cuda/kernels/collectives.cuh"
#include "cuda/launch.h"

namespace hush::cuda {

// What registers are divided by; left to itself, ptxas aims at more blocks and spills.
constexpr int kBlocksPerMultiprocessor = 4;
constexpr int kColumnRows = 8;  // threads of a block along the rows; a warp lies along the columns

struct ColumnLayout {
  std::int64_t elements = 0;
  int channels = 0;
  int width = 0;          // of a row as the kernel sees it
  std::int64_t rows = 0;  // of that width; the last may be cut off
  std::int64_t rows_per_chunk = 0;
  int chunks = 0;

  // A function of the shape alone, so that results do not depend on the device.
  static ColumnLayout of(std::int64_t rows, int channels) {
    constexpr int target_blocks = 512, max_chunks = 256;
    ColumnLayout l;
    l.elements = rows * channels;
    l.channels = channels;
    l.width = kWarp % channels == 0 ? kWarp : channels;
    l.rows = ceil_div(l.elements, l.width);
    const std::int64_t tiles = ceil_div(l.width, kWarp);
    const std::int64_t wanted = std::clamp<std::int64_t>(target_blocks / tiles, 1, max_chunks);
    l.rows_per_chunk = std::max<std::int64_t>(ceil_div(l.rows, wanted), 4 * kColumnRows);
    l.chunks = int(ceil_div(l.rows, l.rows_per_chunk));
    return l;
  }
};

template <class State>
struct ColumnStates {
  State of[kColumnRows][kWarp];
};

// Merges the states of the threads of one column; the result is threadIdx.y == 0's.
template <class Body>
__device__ void merge_rows(const Body& body, typename Body::State& state) {
  auto& shared = shared_memory<ColumnStates<typename Body::State>>();
  shared.of[threadIdx.y][threadIdx.x] = state;
  __syncthreads();
  if (threadIdx.y == 0)
    for (int row = 1; row < kColumnRows; ++row) body.merge(state, shared.of[row][threadIdx.x]);
}

// Block (tile, chunk, slice) reduces 32 columns of one chunk of rows; a thread every eighth row of
// one column. Shared memory: 256 states.
template <class Body>
__global__ void __launch_bounds__(kWarp* kColumnRows, kBlocksPerMultiprocessor)
    column_chunks_kernel(Body body, ColumnLayout l, typename Body::State* partial) {
  const int column = int(blockIdx.x) * kWarp + int(threadIdx.x), slice = int(blockIdx.z);
  const std::int64_t begin = blockIdx.y * l.rows_per_chunk;
  const std::int64_t end = begin + l.rows_per_chunk < l.rows ? begin + l.rows_per_chunk : l.rows;
  typename Body::State state{};
  if (column < l.width)
    for (std::int64_t row = begin + threadIdx.y; row < end; row += kColumnRows) {
      const std::int64_t i = row * l.width + column;
      if (i < l.elements) body.add(state, i, column % l.channels, slice);
    }
  merge_rows(body, state);
  if (threadIdx.y == 0 && column < l.width)
    partial[(std::int64_t{slice} * l.chunks + blockIdx.y) * l.width + column] = state;
}

// Block (tile, 0, slice) merges the chunks of 32 channels. Shared memory: 256 states.
template <class Body>
__global__ void __launch_bounds__(kWarp* kColumnRows, kBlocksPerMultiprocessor)
    column_merge_kernel(Body body, ColumnLayout l, const typename Body::State* partial) {
  const int channel = int(blockIdx.x) * kWarp + int(threadIdx.x), slice = int(blockIdx.z);
  typename Body::State state{};
  if (channel < l.channels)
    for (int chunk = int(threadIdx.y); chunk < l.chunks; chunk += kColumnRows)
      for (int column = channel; column < l.width; column += l.channels)
        body.merge(state, partial[(std::int64_t{slice} * l.chunks + chunk) * l.width + column]);
  merge_rows(body, state);
  if (threadIdx.y == 0 && channel < l.channels) body.finish(channel, slice, state);
}

template <class Body>
void reduce_columns(const Queue& queue, std::int64_t rows, int channels, int slices,
                    const Body& body) {
  if (channels == 0) return;
  const ColumnLayout l = ColumnLayout::of(rows, channels);
  const Scratch<typename Body::State> partial(
      queue, std::size_t(l.width) * std::size_t(l.chunks) * std::size_t(slices));
  const dim3 block(kWarp, kColumnRows);
  launch(queue, column_chunks_kernel<Body>,
         dim3(unsigned(ceil_div(l.width, kWarp)), unsigned(l.chunks), unsigned(slices)), block,
         body, l, partial.data());
  launch(queue, column_merge_kernel<Body>,
         dim3(unsigned(ceil_div(channels, kWarp)), 1, unsigned(slices)), block, body, l,
         partial.data());
}

// y[c] = the sum of column c.
template <class T>
struct ColumnSumBody {
  using State = T;
  const T* x;
  T* y;
  __device__ void add(T& sum, std::int64_t i, int, int) const { sum += x[i]; }
  __device__ void merge(T& sum, const T& other) const { sum += other; }
  __device__ void finish(int channel, int, const T& sum) const { y[channel] = sum; }
};

template <class T>
void column_sum(const Queue& queue, const T* x, T* y, std::int64_t rows, int channels) {
  reduce_columns(queue, rows, channels, 1, ColumnSumBody<T>{x, y});
}

}  // namespace hush::cuda
