// The sum of squares of a tensor, in double, as one partial sum per block.
#pragma once

#include "cuda/kernels/collectives.cuh"

namespace hush::cuda {

constexpr int kSquaresThreads = 256;
constexpr int kSquaresBlocks = 64;  // always, so that the host knows how many sums there are

// A thread adds elements that are a grid apart. Shared memory: that of block_sum.
__global__ inline void __launch_bounds__(kSquaresThreads)
    square_sums_kernel(const float* x, std::int64_t n, double* sums) {
  double sum = 0;
  for (std::int64_t i = std::int64_t{blockIdx.x} * kSquaresThreads + threadIdx.x; i < n;
       i += kSquaresBlocks * kSquaresThreads)
    sum += double(x[i]) * double(x[i]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// Writes kSquaresBlocks partial sums.
inline void square_sums(const Queue& queue, const float* x, std::int64_t n, double* sums) {
  launch(queue, square_sums_kernel, dim3(kSquaresBlocks), dim3(kSquaresThreads), x, n, sums);
}

}  // namespace hush::cuda
