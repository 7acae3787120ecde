// The products of an element type on one kind of unit, as functions; each kind is compiled in a
// file of its own (backend/products_*.cu).
#pragma once

#include "core/dtype.h"
#include "core/kernel_options.h"
#include "cuda/kernels/convolution_gradient.cuh"
#include "cuda/kernels/gemm.cuh"

namespace hush::cuda {

// Operands have elements of type T, outputs of type O.
template <class T, class O = T>
struct ProductKernels {
  void (*gemm)(const Queue& queue, const GemmOptions& options, const T* a, const T* b, O* c, int m,
               int n, int k);
  // bias and residual may be null.
  void (*convolution)(const Queue& queue, const ConvShape& s, const T* x, const T* w, const O* bias,
                      const O* residual, bool relu, O* y);
  void (*backward_input)(const Queue& queue, const ConvShape& s, const T* dy, const T* w, O* dx);
  void (*backward_weight)(const Queue& queue, const ConvShape& s, const T* x, const T* dy, O* dw);
};

template <ProductKind kind, class T, class O = T>
constexpr ProductKernels<T, O> kernels_of_kind() {
  return {gemm<kind, T, O>, convolution<kind, T, O>, convolution_backward_input<kind, T, O>,
          convolution_backward_weight<kind, T, O>};
}

extern const ProductKernels<float> kSimtFloat, kBf16, kTf32;
extern const ProductKernels<Ring> kSimtRing, kLimbs;

// For shapes with whole packs of Bf16, all tensors aligned to 16 bytes, and what rounds for them
// (kernels/rounding.cuh).
extern const ProductKernels<Bf16, float> kBf16Packs;
void round_elements(const Queue& queue, const float* x, Bf16* y, std::int64_t n);

}  // namespace hush::cuda
