// Stands in for cuDNN in a build that found no headers of it.
#include "cuda/error.h"
#include "cuda/vendor.h"

namespace hush::cuda {

std::unique_ptr<VendorConvolution> make_cudnn() {
  throw CudaError(
      "cuda: this build has no cuDNN; install its headers and build again, or use 'own'");
}

}  // namespace hush::cuda
