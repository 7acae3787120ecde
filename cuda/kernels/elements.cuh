// One kernel for everything that treats each element alone; what it does is a `Body`.
//
// A body is a plain struct of pointers and scalars with
//   using Loaded = …;                    what one element needs, read before anything is written
//   Loaded load(std::int64_t i) const;
//   void store(std::int64_t i, const Loaded&) const;
// Loads and stores are apart so that a thread has four loads under way at once although an output
// may be an input: i is only ever written by the thread that reads it.
#pragma once

#include "cuda/launch.h"

namespace hush::cuda {

constexpr int kElementThreads = 256;
// For bodies that do little besides moving memory; one for those with loops of their own.
constexpr int kElementsPerThread = 4;

// A block handles neighbouring elements, a thread `per_thread` that are 256 apart, so that each
// access of a warp is contiguous. No shared memory.
template <int per_thread, class Body>
__global__ void __launch_bounds__(kElementThreads) elements_kernel(Body body, std::int64_t n) {
  const std::int64_t first =
      std::int64_t{blockIdx.x} * (kElementThreads * per_thread) + threadIdx.x;
  typename Body::Loaded loaded[per_thread] = {};
  HUSH_UNROLL
  for (int k = 0; k < per_thread; ++k)
    if (first + k * kElementThreads < n) loaded[k] = body.load(first + k * kElementThreads);
  HUSH_UNROLL
  for (int k = 0; k < per_thread; ++k)
    if (first + k * kElementThreads < n) body.store(first + k * kElementThreads, loaded[k]);
}

template <int per_thread = kElementsPerThread, class Body>
void for_each_element(const Queue& queue, std::int64_t n, const Body& body) {
  const std::int64_t blocks = ceil_div(n, kElementThreads * per_thread);
  launch(queue, elements_kernel<per_thread, Body>, dim3(unsigned(blocks)), dim3(kElementThreads),
         body, n);
}

}  // namespace hush::cuda
