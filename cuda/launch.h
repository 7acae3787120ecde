// The only place that knows how a kernel is started and where shared memory comes from. nvcc puts
// kernels on the queue's stream; any other compiler runs the same bodies in the emulator.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define HUSH_DEVICE_FUNCTION __host__ __device__
#define HUSH_UNROLL _Pragma("unroll")
#else
#include "cuda/emulator/device.h"
#define HUSH_UNROLL
#endif

#include <cstddef>
#include <cstdint>

#include "cuda/error.h"
#include "cuda/queue.h"

namespace hush::cuda {

// Storage of type S shared by the threads of a block. Each kernel or block primitive names its
// own S, a struct of everything it shares; the same S twice is the same storage.
template <class S>
__device__ S& shared_memory() {
#ifdef __CUDACC__
  __shared__ S storage;
  return storage;
#else
  static constexpr char key = 0;
  return *static_cast<S*>(emulator::block_storage(&key, sizeof(S)));
#endif
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Queues a kernel; a grid without blocks is nothing to do. Throws CudaError if it cannot start.
template <class... Parameters, class... Arguments>
void launch(const Queue& queue, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
#ifdef __CUDACC__
  kernel<<<grid, block, 0, queue.stream>>>(arguments...);
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess)
    throw CudaError(fmt::format("cuda: a kernel did not start: {}", cudaGetErrorString(status)));
#else
  (void)queue;
  emulator::submit([=] { emulator::run(grid, block, [&] { kernel(arguments...); }); });
#endif
}

}  // namespace hush::cuda
