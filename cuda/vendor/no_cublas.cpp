// Stands in for cuBLAS in a build that found no headers of it.
#include "cuda/error.h"
#include "cuda/vendor.h"

namespace hush::cuda {

std::unique_ptr<VendorGemm> make_cublas() {
  throw CudaError(
      "cuda: this build has no cuBLAS; install its headers and build again, or use 'own'");
}

}  // namespace hush::cuda
