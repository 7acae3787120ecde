// What tensor cores multiply: how elements become the 32-bit words of mma.cuh, and how the sums
// become elements again. A policy for tensor_product.cuh has
//   Element, Sum          of the matrices; of the accumulators
//   kPerWord, kPlanes     a word holds kPerWord neighbours in depth of one plane
//   kMaxDepth             of one product
//   pack(x, planes)       kPerWord elements into one word of each plane
//   mma(c, a, b)
//   combine(sums)         the element that the sums of planes p, q with p + q = 0, 1, … stand for
// The product of two elements is the sum over planes p + q < kPlanes of their planes' products.
#pragma once

#include "core/dtype.h"
#include "cuda/kernels/mma.cuh"

namespace hush::cuda {

// float rounded to bf16 (8 significant bits), added as float.
struct Bf16Arithmetic {
  using Element = float;
  using Sum = float;
  static constexpr int kPerWord = 2, kPlanes = 1, kMaxDepth = 0x7fffffff;

  __device__ static void pack(const float (&x)[kPerWord], std::uint32_t (&planes)[kPlanes]) {
    planes[0] = pack_bf16(x[0], x[1]);
  }
  __device__ static void mma(float (&c)[4], const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]) {
    mma_bf16(c, a, b);
  }
  __device__ static float combine(const float (&sums)[kPlanes]) { return sums[0]; }
};

// float rounded to tf32 (11 significant bits), added as float.
struct Tf32Arithmetic {
  using Element = float;
  using Sum = float;
  static constexpr int kPerWord = 1, kPlanes = 1, kMaxDepth = 0x7fffffff;

  __device__ static void pack(const float (&x)[kPerWord], std::uint32_t (&planes)[kPlanes]) {
    planes[0] = round_tf32(x[0]);
  }
  __device__ static void mma(float (&c)[4], const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]) {
    mma_tf32(c, a, b);
  }
  __device__ static float combine(const float (&sums)[kPlanes]) { return sums[0]; }
};

// Byte i of result p is byte p of row i.
__device__ inline void transpose_bytes(const std::uint32_t (&rows)[4], std::uint32_t* result) {
  const std::uint32_t low01 = __byte_perm(rows[0], rows[1], 0x5140);
  const std::uint32_t low23 = __byte_perm(rows[2], rows[3], 0x5140);
  const std::uint32_t high01 = __byte_perm(rows[0], rows[1], 0x7362);
  const std::uint32_t high23 = __byte_perm(rows[2], rows[3], 0x7362);
  result[0] = __byte_perm(low01, low23, 0x5410);
  result[1] = __byte_perm(low01, low23, 0x7632);
  result[2] = __byte_perm(high01, high23, 0x5410);
  result[3] = __byte_perm(high01, high23, 0x7632);
}

// Words of Z_2^64, exact, as eight unsigned bytes (limbs): x y = Σ x_p y_q 2^(8 (p + q)), of which
// the 36 products with p + q < 8 count modulo 2^64. Signs need no care there.
//
// A sum is kept modulo 2^32. That is all that is needed from p + q = 4 on, where 2^32 and above
// leave the word; sum p + q = s < 4 has s + 1 products of at most 255² per unit of depth, so that
// kMaxDepth units stay below 2^32.
struct LimbArithmetic {
  using Element = Ring;
  using Sum = std::uint32_t;
  static constexpr int kPerWord = 4, kPlanes = 8, kMaxDepth = 16384;
  static_assert(std::uint64_t{kMaxDepth} * 4 * 255 * 255 < std::uint64_t{1} << 32);

  __device__ static void pack(const Ring (&x)[kPerWord], std::uint32_t (&planes)[kPlanes]) {
    HUSH_UNROLL
    for (int half = 0; half < 2; ++half) {
      std::uint32_t rows[4];
      HUSH_UNROLL
      for (int i = 0; i < 4; ++i) rows[i] = std::uint32_t(x[i] >> (32 * half));
      transpose_bytes(rows, &planes[4 * half]);
    }
  }
  __device__ static void mma(std::uint32_t (&c)[4], const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]) {
    mma_u8(c, a, b);
  }
  __device__ static Ring combine(const std::uint32_t (&sums)[kPlanes]) {
    Ring total = 0;
    HUSH_UNROLL
    for (int s = 0; s < kPlanes; ++s) total += Ring{sums[s]} << (8 * s);
    return total;
  }
};

}  // namespace hush::cuda
