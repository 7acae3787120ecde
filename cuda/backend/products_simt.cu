// Products on the ordinary units: fused multiply-adds of float, and 64-bit integers.
#include "cuda/backend/product_kernels.h"

namespace hush::cuda {

const ProductKernels<float> kSimtFloat = kernels_of_kind<ProductKind::simt, float>();
const ProductKernels<Ring> kSimtRing = kernels_of_kind<ProductKind::simt, Ring>();

}  // namespace hush::cuda
