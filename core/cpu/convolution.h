// Convolution over NHWC images as tiled products without im2col, for float and ring.
//
// Padding is made real: images are copied into a scratch buffer with zeros around them, some
// images at a time so that the buffer stays in cache. Then every output pixel reads its input
// through one pointer plus the same list of offsets (its taps), and where all channels take part,
// the taps of a kernel row are one run of KW · C adjacent elements. Strides only change the
// distance of the pointers; the gradient of a strided convolution's input falls apart into one
// stride-1 convolution for each pixel parity.
#pragma once

#include <string_view>
#include <vector>

#include "core/backend.h"
#include "core/cpu/product_driver.h"

namespace hush {

// A checked convolution: y [n, oh, ow, k] from x [n, h, w, c] and w [kh, kw, c / groups, k].
struct ConvGeometry {
  std::int64_t n, h, w, c, kh, kw, k, oh, ow;
  std::int64_t stride, padding, groups;
};

// The geometry of images and weights. Throws ArgumentError, naming `kernel` and the shapes, unless
// they fit together.
ConvGeometry convolution_geometry(std::string_view kernel, const ConvOptions& options,
                                  const Shape& image, const Shape& weight);
// The same of y = x ⊛ w. Throws ArgumentError, naming `kernel` and the shapes, unless images,
// weights and results are host tensors of one type that fit together.
ConvGeometry check_convolution(std::string_view kernel, const ConvOptions& options, const Tensor& x,
                               const Tensor& w, const Tensor& y);

template <class T>
struct EpiloguePointers {
  const T* bias = nullptr;
  const T* residual = nullptr;
  bool relu = false;
};

// The weights of the forward pass, one matrix for each group. `points` output pixels will be made
// with them: a few do not warrant a copy.
template <class T>
std::vector<PanelMatrix<T>> weight_panels(const ConvGeometry& g, const T* w, std::size_t points);
template <class T>
void convolve(const ConvGeometry& g, const T* x, const std::vector<PanelMatrix<T>>& weights,
              const EpiloguePointers<T>& epilogue, T* y);
template <class T>
void convolve_backward_input(const ConvGeometry& g, const T* dy, const T* w, T* dx);
template <class T>
void convolve_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw);

// c [m, n] (+)= A B with A [m, k] and B [k, n], each stored transposed if the options say so.
template <class T>
void multiply(const GemmOptions& options, std::size_t m, std::size_t n, std::size_t k, const T* a,
              const T* b, T* c);

}  // namespace hush
