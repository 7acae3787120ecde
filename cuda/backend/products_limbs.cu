// Products over the ring on tensor cores, exact, from bytes.
#include "cuda/backend/product_kernels.h"

namespace hush::cuda {

const ProductKernels<Ring> kLimbs = kernels_of_kind<ProductKind::limbs, Ring>();

}  // namespace hush::cuda
