// Matrix products by cuBLAS.
#include <cublas_v2.h>

#include "cuda/vendor.h"
#include "cuda/vendor/shared_library.h"

namespace hush::cuda {
namespace {

void check(cublasStatus_t status, const char* doing) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw CudaError(fmt::format("cuda: cuBLAS failed at {} (status {})", doing, int(status)));
}

cublasComputeType_t compute_type(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
    case Precision::tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case Precision::float32:
      break;
  }
  return CUBLAS_COMPUTE_32F;
}

class Cublas final : public VendorGemm {
 public:
  Cublas() { check(create_(&handle_), "its start"); }
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;
  ~Cublas() override { (void)destroy_(handle_); }

  // cuBLAS has columns where we have rows: Cᵀ = Bᵀ Aᵀ.
  void gemm(const Queue& queue, const GemmOptions& options, Precision precision, const float* a,
            const float* b, float* c, int m, int n, int k) override {
    const float one = 1, beta = options.accumulate ? 1.0f : 0.0f;
    const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    if (m == 0 || n == 0) return;
    check(set_stream_(handle_, queue.stream), "choosing the stream");
    check(gemm_(handle_, operation(options.transpose_b), operation(options.transpose_a), n, m, k,
                &one, b, CUDA_R_32F, std::max(1, options.transpose_b ? k : n), a, CUDA_R_32F,
                std::max(1, options.transpose_a ? m : k), &beta, c, CUDA_R_32F, n,
                compute_type(precision), CUBLAS_GEMM_DEFAULT),
          "a product");
  }

 private:
  SharedLibrary library_{fmt::format("libcublas.so.{}", CUBLAS_VER_MAJOR)};
  decltype(&cublasCreate_v2) create_ =
      library_.function<decltype(cublasCreate_v2)>("cublasCreate_v2");
  decltype(&cublasDestroy_v2) destroy_ =
      library_.function<decltype(cublasDestroy_v2)>("cublasDestroy_v2");
  decltype(&cublasSetStream_v2) set_stream_ =
      library_.function<decltype(cublasSetStream_v2)>("cublasSetStream_v2");
  // The header overloads cublasGemmEx in C++, so its type is written out.
  using Gemm = cublasStatus_t(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                              const void*, const void*, cudaDataType, int, const void*,
                              cudaDataType, int, const void*, void*, cudaDataType, int,
                              cublasComputeType_t, cublasGemmAlgo_t);
  Gemm* gemm_ = library_.function<Gemm>("cublasGemmEx");
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

std::unique_ptr<VendorGemm> make_cublas() {
  return std::make_unique<Cublas>();
}

}  // namespace hush::cuda
