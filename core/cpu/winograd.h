// Winograd's convolution for 3 × 3 kernels with stride 1: all three passes for float, and the
// forward pass over the ring.
//
// A pass transforms tiles of pixels into planes (winograd_transforms.h), multiplies plane by plane
// (tiles × channels times channels × channels: ordinary row products), and transforms back.
#pragma once

#include "core/cpu/convolution.h"
#include "core/tensor.h"

namespace hush {

// Whether the geometry has a Winograd form: 3 × 3, stride 1, no groups, padding at most 2, and
// channels that fill vectors.
bool has_winograd(const ConvGeometry& g);
// Whether it also pays: enough tiles share the transformed weights, or else, if these are at hand
// already, the reading of them.
bool winograd_pays(const ConvGeometry& g, bool weights_at_hand = false);

// The functions below need has_winograd(g).

// The weights of the forward pass, transformed: of use again and again while they do not change.
// An opaque tensor, 16/9 (ring) or 4 times as large as w.
template <class T>
Tensor winograd_weights(const ConvGeometry& g, const T* w);
// y = x ⊛ w, then the epilogue, for float. For the ring y = 4 (x ⊛ w) mod 2^64, then the epilogue.
template <class T>
void winograd_convolve(const ConvGeometry& g, const T* x, const T* w,
                       const EpiloguePointers<T>& epilogue, T* y);
// The same with the weights from winograd_weights.
template <class T>
void winograd_convolve(const ConvGeometry& g, const T* x, const Tensor& weights,
                       const EpiloguePointers<T>& epilogue, T* y);
void winograd_backward_input(const ConvGeometry& g, const float* dy, const float* w, float* dx);
void winograd_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw);

}  // namespace hush
