// Depthwise convolution (one kernel for each channel) over NHWC images, for float and ring.
//
// All three passes are sums of products channel by channel, of rows given by pointers:
// results sum over taps, the input's gradient over taps that reach a pixel, the weight's gradient
// over pixels. One kernel serves all; padding is left out of the lists.
#pragma once

#include "core/cpu/convolution.h"

namespace hush {

// groups == C == K: each channel has its own kernel and one result.
bool is_depthwise(const ConvGeometry& g);

// The functions below need is_depthwise(g).
template <class T>
void depthwise_convolve(const ConvGeometry& g, const T* x, const T* w,
                        const EpiloguePointers<T>& epilogue, T* y);
template <class T>
void depthwise_backward_input(const ConvGeometry& g, const T* dy, const T* w, T* dx);
template <class T>
void depthwise_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw);

}  // namespace hush
