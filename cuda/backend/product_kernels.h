// The products of an element type on one kind of unit, as functions; each kind is compiled in a
// file of its own (backend/products_*.cu).
#pragma once

#include "core/dtype.h"
#include "core/kernel_options.h"
#include "cuda/kernels/convolution_gradient.cuh"
#include "cuda/kernels/gemm.cuh"

namespace hush::cuda {

template <class T>
struct ProductKernels {
  void (*gemm)(const Queue& queue, const GemmOptions& options, const T* a, const T* b, T* c, int m,
               int n, int k);
  // bias and residual may be null.
  void (*convolution)(const Queue& queue, const ConvShape& s, const T* x, const T* w, const T* bias,
                      const T* residual, bool relu, T* y);
  void (*backward_input)(const Queue& queue, const ConvShape& s, const T* dy, const T* w, T* dx);
  void (*backward_weight)(const Queue& queue, const ConvShape& s, const T* x, const T* dy, T* dw);
};

template <ProductKind kind, class T>
constexpr ProductKernels<T> kernels_of_kind() {
  return {gemm<kind, T>, convolution<kind, T>, convolution_backward_input<kind, T>,
          convolution_backward_weight<kind, T>};
}

extern const ProductKernels<float> kSimtFloat, kBf16, kTf32;
extern const ProductKernels<Ring> kSimtRing, kLimbs;

}  // namespace hush::cuda
