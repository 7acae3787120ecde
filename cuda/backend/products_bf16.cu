// Products of floats on tensor cores, rounded to bf16.
#include "cuda/backend/product_kernels.h"

namespace hush::cuda {

const ProductKernels<float> kBf16 = kernels_of_kind<ProductKind::bf16, float>();

}  // namespace hush::cuda
