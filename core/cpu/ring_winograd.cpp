#include "core/cpu/ring_winograd.h"

#include "core/cpu/winograd.h"

namespace hush {

bool ring_winograd_pays(const ConvOptions& options, const Shape& x, const Shape& w) {
  if (x.rank() != 4 || w.rank() != 4 || x[3] != w[2] * options.groups) return false;
  const ConvGeometry g{.n = x[0],
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
  // Each tile of 2 × 2 results must bear its part of the weights' transform.
  constexpr std::int64_t enough_tiles = 16;
  return has_winograd(g) && g.n * ((g.oh + 1) / 2) * ((g.ow + 1) / 2) >= enough_tiles;
}

void ring_winograd_conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
                          const Tensor& y) {
  const ConvGeometry g = check_convolution("ring_winograd_conv2d", options, x, w, y);
  require(x.dtype() == DType::ring64 && has_winograd(g),
          "ring_winograd_conv2d: image {}, weight {} with stride {}, padding {} and {} groups have "
          "no Winograd form; use conv2d",
          x.text(), w.text(), options.stride, options.padding, options.groups);
  if (y.elements() == 0) return;
  winograd_convolve<Ring>(g, x.data<Ring>(), w.data<Ring>(), {}, y.data<Ring>());
}

}  // namespace hush
