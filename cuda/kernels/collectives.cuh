// Sums and maxima over the threads of a warp and of a block: the only place that exchanges values
// between lanes. Every thread of the warp (block) must call them; all get the result.
#pragma once

#include "cuda/launch.h"

namespace hush::cuda {

constexpr int kWarp = 32;

template <class T>
__device__ T warp_sum(T value) {
  for (int delta = kWarp / 2; delta > 0; delta /= 2) value += __shfl_xor_sync(~0u, value, delta);
  return value;
}

template <class T>
__device__ T warp_max(T value) {
  for (int delta = kWarp / 2; delta > 0; delta /= 2) {
    const T other = __shfl_xor_sync(~0u, value, delta);
    value = value < other ? other : value;
  }
  return value;
}

template <class T>
struct WarpResults {
  T of[kWarp];
};

// The block has one dimension and a multiple of 32 threads. Shared memory: one T per warp.
template <class T>
__device__ T block_sum(T value) {
  auto& shared = shared_memory<WarpResults<T>>();
  const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp;
  const int warps = int(blockDim.x) / kWarp;
  value = warp_sum(value);
  if (lane == 0) shared.of[warp] = value;
  __syncthreads();
  value = warp_sum(lane < warps ? shared.of[lane] : T(0));
  __syncthreads();  // the next call may overwrite the results
  return value;
}

}  // namespace hush::cuda
