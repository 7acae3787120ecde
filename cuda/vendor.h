// NVIDIA's libraries in place of our kernels, so that the two can be compared in one run: cuBLAS
// for matrix products, cuDNN for convolutions; float32 tensors only.
//
// A build that finds a library's headers can use it, but does not link it: it is opened when asked
// for. So programs start on machines without it (and without a driver), and nothing of CUDA but the
// static runtime has to be installed.
#pragma once

#include <memory>

#include "core/kernel_options.h"
#include "cuda/queue.h"

namespace hush::cuda {

struct ConvShape;

class VendorGemm {
 public:
  virtual ~VendorGemm() = default;
  // As cuda::gemm (kernels/gemm.cuh).
  virtual void gemm(const Queue& queue, const GemmOptions& options, Precision precision,
                    const float* a, const float* b, float* c, int m, int n, int k) = 0;
};

// Images are NHWC; weights here [K, KH, KW, C / groups]. No epilogue.
class VendorConvolution {
 public:
  virtual ~VendorConvolution() = default;
  virtual void forward(const Queue& queue, const ConvShape& s, Precision precision, const float* x,
                       const float* w, float* y) = 0;
  virtual void backward_input(const Queue& queue, const ConvShape& s, Precision precision,
                              const float* dy, const float* w, float* dx) = 0;
  virtual void backward_weight(const Queue& queue, const ConvShape& s, Precision precision,
                               const float* x, const float* dy, float* dw) = 0;
};

// Throw CudaError, one line, if the library is not in this build or not on this machine. The
// result is for the device that is selected.
std::unique_ptr<VendorGemm> make_cublas();
std::unique_ptr<VendorConvolution> make_cudnn();

}  // namespace hush::cuda
