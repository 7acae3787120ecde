// Products of floats on tensor cores, rounded to tf32.
#include "cuda/backend/product_kernels.h"

namespace hush::cuda {

const ProductKernels<float> kTf32 = kernels_of_kind<ProductKind::tf32, float>();

}  // namespace hush::cuda
