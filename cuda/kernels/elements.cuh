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
constexpr int kElementsPerThread = 4;

// A block handles 1024 neighbouring elements, a thread four that are 256 apart, so that each access
// of a warp is contiguous. No shared memory.
template <class Body>
__global__ void __launch_bounds__(kElementThreads) elements_kernel(Body body, std::int64_t n) {
  const std::int64_t first =
      std::int64_t{blockIdx.x} * (kElementThreads * kElementsPerThread) + threadIdx.x;
  typename Body::Loaded loaded[kElementsPerThread] = {};
  HUSH_UNROLL
  for (int k = 0; k < kElementsPerThread; ++k)
    if (first + k * kElementThreads < n) loaded[k] = body.load(first + k * kElementThreads);
  HUSH_UNROLL
  for (int k = 0; k < kElementsPerThread; ++k)
    if (first + k * kElementThreads < n) body.store(first + k * kElementThreads, loaded[k]);
}

template <class Body>
void for_each_element(const Queue& queue, std::int64_t n, const Body& body) {
  const std::int64_t blocks = ceil_div(n, kElementThreads * kElementsPerThread);
  launch(queue, elements_kernel<Body>, dim3(unsigned(blocks)), dim3(kElementThreads), body, n);
}

}  // namespace hush::cuda
