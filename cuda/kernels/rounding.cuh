// Floats rounded to bf16, for products that read them several times.
#pragma once

#include "core/dtype.h"
#include "cuda/kernels/elements.cuh"
#include "cuda/kernels/mma.cuh"
#include "cuda/kernels/product.cuh"

namespace hush::cuda {

// Element i is eight neighbours.
struct RoundBody {
  struct Loaded {
    Pack<float, 4> low, high;
  };
  const float* x;
  Bf16* y;

  __device__ Loaded load(std::int64_t i) const {
    const auto* from = reinterpret_cast<const Pack<float, 4>*>(x) + 2 * i;
    return {from[0], from[1]};
  }
  __device__ void store(std::int64_t i, const Loaded& v) const {
    reinterpret_cast<Pack<std::uint32_t, 4>*>(y)[i] = {
        pack_bf16(v.low.v[0], v.low.v[1]), pack_bf16(v.low.v[2], v.low.v[3]),
        pack_bf16(v.high.v[0], v.high.v[1]), pack_bf16(v.high.v[2], v.high.v[3])};
  }
};

// n is a multiple of 8, both aligned to 16 bytes.
inline void round_to_bf16(const Queue& queue, const float* x, Bf16* y, std::int64_t n) {
  for_each_element<2>(queue, n / 8, RoundBody{x, y});
}

}  // namespace hush::cuda
