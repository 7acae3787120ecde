// The part of the CUDA device language that our kernels use, expressed in C++.
//
// A kernel source is compiled twice: by nvcc for a GPU, and by the host compiler with this header,
// where every device thread runs as a fiber (grid.h). Only what a kernel of this project needs is
// declared; anything else fails to compile, which keeps the kernels inside the tested subset.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cuda/emulator/grid.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

inline void __syncthreads(hush::cuda::emulator::Site site = hush::cuda::emulator::Site::current()) {
  hush::cuda::emulator::block_barrier(site);
}

inline void __syncwarp(unsigned mask = ~0u,
                       hush::cuda::emulator::Site site = hush::cuda::emulator::Site::current()) {
  hush::cuda::emulator::warp_gather(mask, 0, site);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask,
                  hush::cuda::emulator::Site site = hush::cuda::emulator::Site::current()) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof(T));
  const std::uint64_t* words = hush::cuda::emulator::warp_gather(mask, word, site);
  const unsigned source = (hush::cuda::emulator::lane() ^ unsigned(lane_mask)) % 32;
  std::memcpy(&value, &words[source], sizeof(T));
  return value;
}

inline unsigned __ballot_sync(
    unsigned mask, int predicate,
    hush::cuda::emulator::Site site = hush::cuda::emulator::Site::current()) {
  const std::uint64_t* words = hush::cuda::emulator::warp_gather(mask, predicate != 0, site);
  unsigned bits = 0;
  for (unsigned i = 0; i < 32; ++i) bits |= unsigned(words[i] & 1) << i;
  return bits;
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return unsigned(std::uint64_t{a} * b >> 32);
}

// Four of the eight bytes of y:x; nibble i of the selector names the one for byte i.
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const std::uint64_t bytes = std::uint64_t{y} << 32 | x;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i)
    result |= unsigned(bytes >> (selector >> (4 * i) & 7) * 8 & 0xff) << (8 * i);
  return result;
}
