// Exact Winograd convolution over the ring Z_2^64 on the CPU, for callers that divide by a power of
// two anyway.
//
// Interpolation needs divisions. Odd ones have inverses mod 2^64, but F(2×2, 3×3) also halves
// twice, which the ring cannot: the result is 2² times the convolution, exactly. Truncation of
// fixed-point products on shares takes those two bits away together with the fraction bits, at the
// price of two bits of headroom. 2.25 times fewer products: 1.8 times as fast as the direct
// convolution from 64 channels at 32 × 32 or 128 at 16 × 16 pixels on one AVX-512 core; twice as
// fast, and for smaller images too, where the weights' transform is kept.
#pragma once

#include "core/kernel_options.h"
#include "core/tensor.h"

namespace hush {

// Results are 2 to this power times the convolution.
inline constexpr int kRingWinogradBits = 2;

// Whether ring_winograd_conv2d can do images of shape x [N, H, W, C] with weights w [3, 3, C, K],
// and is faster than the direct convolution; with `kept`, by weights whose transform is there.
bool ring_winograd_pays(const ConvOptions& options, const Shape& x, const Shape& w,
                        bool kept = false);

// y = 4 (x ⊛ w) mod 2^64; ring64 tensors as in Backend::conv2d. Throws ArgumentError for wrong
// shapes, and for geometries without a Winograd form: other than 3 × 3 kernels with stride 1 and
// padding 0 to 2, groups, or channels that are no multiple of 16.
void ring_winograd_conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
                          const Tensor& y);

// The same for weights that stay: their transform is done once, as in secure inference, where a
// model answers many queries.
class RingWinogradWeights {
 public:
  // w [3, 3, C, K], ring64 on the host; C and K multiples of 16.
  explicit RingWinogradWeights(const Tensor& w);

  const Shape& shape() const { return shape_; }     // of w
  const Tensor& planes() const { return planes_; }  // opaque; as secret as w is

 private:
  Shape shape_;
  Tensor planes_;
};
// y = 4 (x ⊛ w) + addend, which has y's shape or is undefined.
void ring_winograd_conv2d(const ConvOptions& options, const Tensor& x, const RingWinogradWeights& w,
                          const Tensor& y, const Tensor& addend = {});

}  // namespace hush
