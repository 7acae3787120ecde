// What secret sharing over Z_2^64 needs besides arithmetic: truncation, packed bits, bit planes.
#pragma once

#include "core/dtype.h"
#include "cuda/kernels/collectives.cuh"
#include "cuda/kernels/elements.cuh"

namespace hush::cuda {

enum class Shift {
  arithmetic,  // of a public value: its sign bit fills in
  share_0,     // of party 0's share: logical (SecureML, Mohassel and Zhang 2017, section 4.1)
  share_1,     // of party 1's share: -((-x) >> bits)
};

// y = x shifted right by `bits` (1 to 63). y may be x.
struct TruncateBody {
  using Loaded = Ring;
  const Ring* x;
  Ring* y;
  int bits;
  Shift shift;

  __device__ Ring load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, Ring v) const {
    const Ring fill = shift == Shift::arithmetic && (v >> 63) != 0 ? ~Ring{0} << (64 - bits) : 0;
    y[i] = shift == Shift::share_1 ? Ring{0} - ((Ring{0} - v) >> bits) : (v >> bits) | fill;
  }
};

// z = c ^ (e & b) ^ (f & a), ^ (e & f) too for one of the parties: a AND on XOR shares of 64 values
// a word, from the opened e = x ^ a, f = y ^ b and shares of a triple c = a & b.
struct BeaverAndBody {
  struct Loaded {
    std::uint64_t a, b, c, e, f;
  };
  const std::uint64_t *a, *b, *c, *e, *f;
  std::uint64_t* z;
  bool with_product;

  __device__ Loaded load(std::int64_t i) const { return {a[i], b[i], c[i], e[i], f[i]}; }
  __device__ void store(std::int64_t i, const Loaded& v) const {
    z[i] = v.c ^ (v.e & v.b) ^ (v.f & v.a) ^ (with_product ? v.e & v.f : 0);
  }
};

constexpr int kPlanesThreads = 256;

// Bit planes: bit i mod 32 of word i / 32 of plane b is bit b of x[i]. A warp takes 32 elements and
// votes on each bit; a thread keeps the words of two planes. No shared memory.
__global__ inline void __launch_bounds__(kPlanesThreads)
    bit_planes_kernel(const std::uint64_t* x, std::uint32_t* planes, int n, int words, int bits) {
  const int i = int(blockIdx.x) * kPlanesThreads + int(threadIdx.x);
  const int lane = i % kWarp, word = i / kWarp;
  const std::uint64_t value = i < n ? x[i] : 0;
  std::uint32_t low = 0, high = 0;
  for (int b = 0; b < bits; ++b) {
    const std::uint32_t votes = __ballot_sync(~0u, int(value >> b & 1));
    if (b == lane) low = votes;
    if (b == lane + kWarp) high = votes;
  }
  if (word >= words) return;
  if (lane < bits) planes[std::int64_t{lane} * words + word] = low;
  if (lane + kWarp < bits) planes[std::int64_t{lane + kWarp} * words + word] = high;
}

// The reverse: y[i] = Σ over b of bit i of plane b, times 2^b.
struct FromBitPlanesBody {
  using Loaded = Ring;
  const std::uint32_t* planes;
  Ring* y;
  int words, bits;

  __device__ Ring load(std::int64_t i) const {
    const std::int64_t word = i / kWarp;
    Ring value = 0;
    for (int b = 0; b < bits; ++b)
      value |= Ring{planes[b * std::int64_t{words} + word] >> (i % kWarp) & 1} << b;
    return value;
  }
  __device__ void store(std::int64_t i, Ring value) const { y[i] = value; }
};

}  // namespace hush::cuda
