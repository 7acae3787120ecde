// Products of floats on tensor cores, rounded to bf16: whole packs of them beforehand, others on
// their way.
#include "cuda/backend/product_kernels.h"
#include "cuda/kernels/rounding.cuh"

namespace hush::cuda {

const ProductKernels<float> kBf16 = kernels_of_kind<ProductKind::bf16, float>();
const ProductKernels<Bf16, float> kBf16Packs = kernels_of_kind<ProductKind::bf16, Bf16, float>();

void round_elements(const Queue& queue, const float* x, Bf16* y, std::int64_t n) {
  round_to_bf16(queue, x, y, n);
}

}  // namespace hush::cuda
