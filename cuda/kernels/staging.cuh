// What brings matrices of 16-bit elements to the tensor cores: copies to shared memory that pass no
// register and are waited for later (cp.async), and loads of fragments of mma.cuh (ldmatrix).
// emulator/staging.h plays them without a GPU. Needs compute capability 8.0.
#pragma once

#include "cuda/launch.h"

#ifndef __CUDACC__
#include "cuda/emulator/staging.h"
#else

namespace hush::cuda {

__device__ inline unsigned shared_address(const void* shared) {
  return unsigned(__cvta_generic_to_shared(shared));
}

// Starts to copy 16 bytes, both addresses aligned to as many; with `zeros`, to clear them: nothing
// is read then, but the address must be one of the device's memory. Goes through L1, where the
// next taps of a convolution find the same pixels.
__device__ inline void copy_async(void* shared, const void* global, bool zeros) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(global), "r"(zeros ? 0 : 16)
               : "memory");
}

// Makes a group of the copies that this thread started since the last call.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits for all groups of this thread but the `newest`. A barrier shows them to other threads.
template <int newest>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(newest) : "memory");
}

// Loads four matrices of 8 × 8 elements, whole warps: lane i gives the address of row i mod 8 of
// matrix i / 8 and gets, in word q, elements (g, 2t) and (g, 2t + 1) of matrix q, with g = i / 4
// and t = i mod 4.
__device__ inline void load_matrices(std::uint32_t (&words)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row))
               : "memory");
}

// The same with each matrix transposed: elements (2t, g) and (2t + 1, g).
__device__ inline void load_matrices_transposed(std::uint32_t (&words)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row))
               : "memory");
}

}  // namespace hush::cuda
#endif
