#include "core/ring_winograd.h"

#include "core/cpu/winograd.h"

namespace hush {

namespace {

ConvGeometry geometry_of(const ConvOptions& options, const Shape& x, const Shape& w) {
  return {.n = x[0],
          .h = x[1],
          .w = x[2],
          .c = x[3],
          .kh = w[0],
          .kw = w[1],
          .k = w[3],
          .oh = options.output(x[1], w[0]),
          .ow = options.output(x[2], w[1]),
          .stride = options.stride,
          .padding = options.padding,
          .groups = options.groups};
}

void require_winograd(const ConvGeometry& g, const Tensor& x, const Shape& w) {
  require(x.dtype() == DType::ring64 && has_winograd(g),
          "ring_winograd_conv2d: image {}, weight {} with stride {}, padding {} and {} groups have "
          "no Winograd form; use conv2d",
          x.text(), w.text(), g.stride, g.padding, g.groups);
}

// Whether the geometry of a weight has one.
ConvGeometry weight_geometry(const Tensor& w) {
  require(w.dtype() == DType::ring64 && w.device() == Device{} && w.shape().rank() == 4 &&
              w.shape()[0] == 3 && w.shape()[1] == 3,
          "ring_winograd: weight {} is not [3, 3, C, K] of ring64 on the host", w.text());
  const ConvGeometry g = geometry_of({}, {1, 3, 3, w.shape()[2]}, w.shape());
  require(has_winograd(g), "ring_winograd: channels of weight {} are no multiples of 16", w.text());
  return g;
}

}  // namespace

bool ring_winograd_pays(const ConvOptions& options, const Shape& x, const Shape& w, bool kept) {
  if (x.rank() != 4 || w.rank() != 4 || x[3] != w[2] * options.groups) return false;
  const ConvGeometry g = geometry_of(options, x, w);
  // Each tile of 2 × 2 results must bear its part of the weights' transform, or of reading it.
  const std::int64_t enough_tiles = kept ? 4 : 16;
  return has_winograd(g) && g.n * ((g.oh + 1) / 2) * ((g.ow + 1) / 2) >= enough_tiles;
}

void ring_winograd_conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
                          const Tensor& y) {
  const ConvGeometry g = check_convolution("ring_winograd_conv2d", options, x, w, y);
  require_winograd(g, x, w.shape());
  if (y.elements() == 0) return;
  winograd_convolve<Ring>(g, x.data<Ring>(), w.data<Ring>(), {}, y.data<Ring>());
}

RingWinogradWeights::RingWinogradWeights(const Tensor& w)
    : shape_(w.shape()), planes_(winograd_weights<Ring>(weight_geometry(w), w.data<Ring>())) {}

void ring_winograd_conv2d(const ConvOptions& options, const Tensor& x, const RingWinogradWeights& w,
                          const Tensor& y, const Tensor& addend) {
  const Shape& shape = w.shape();
  require(
      x.shape().rank() == 4 && x.device() == Device{} && x.shape()[3] == shape[2] * options.groups,
      "ring_winograd_conv2d: image {} does not fit weight {} with {} groups", x.text(),
      shape.text(), options.groups);
  const ConvGeometry g = geometry_of(options, x.shape(), shape);
  require_winograd(g, x, shape);
  const Shape result = {g.n, g.oh, g.ow, g.k};
  require(y.dtype() == DType::ring64 && y.device() == Device{} && y.shape() == result,
          "ring_winograd_conv2d: the result is {}, not ring64 {}", y.text(), result.text());
  require(!addend.defined() || (addend.dtype() == DType::ring64 && addend.device() == Device{} &&
                                addend.shape() == result),
          "ring_winograd_conv2d: the addend is {}, not ring64 {}", addend.text(), result.text());
  if (y.elements() == 0) return;
  const EpiloguePointers<Ring> epilogue{
      .bias = nullptr, .residual = addend.defined() ? addend.data<Ring>() : nullptr, .relu = false};
  winograd_convolve<Ring>(g, x.data<Ring>(), w.planes(), epilogue, y.data<Ring>());
}

}  // namespace hush
