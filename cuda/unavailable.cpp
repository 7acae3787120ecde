// Stands in for the CUDA backend in a build without nvcc.
#include "cuda/error.h"
#include "cuda/register.h"

namespace hush::cuda {
namespace {
constexpr const char* kWhyNot =
    "no CUDA: this build has none; install the CUDA toolkit (nvcc) and build again, or use "
    "--device cpu";
}

std::string register_cuda() {
  return kWhyNot;
}

bool is_in_this_build() {
  return false;
}

int device_count() {
  return 0;
}

void check_device(int) {
  throw CudaError(kWhyNot);
}

void use_cublas(int) {
  throw CudaError(kWhyNot);
}

void use_cudnn(int) {
  throw CudaError(kWhyNot);
}

}  // namespace hush::cuda
