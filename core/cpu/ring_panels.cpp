#include "core/ring_panels.h"

#include "core/cpu/convolution.h"

namespace hush {

struct RingPanelWeights::Panels {
  ConvOptions options;
  Shape shape;
  std::vector<PanelMatrix<Ring>> matrices;
};

RingPanelWeights::RingPanelWeights(const ConvOptions& options, const Tensor& w) {
  require(w.dtype() == DType::ring64 && w.device() == Device{} && w.shape().rank() == 4,
          "ring_panels: weight {} is not [R, S, C, K] of ring64 on the host", w.text());
  const Shape& s = w.shape();
  // The smallest image will do: the panels do not depend on it.
  const Shape image = {1, s[0], s[1], s[2] * options.groups};
  const ConvGeometry g = convolution_geometry("ring_panels", options, image, s);
  constexpr auto many_points = std::size_t(-1);  // always copied
  panels_ = std::make_unique<Panels>(
      Panels{options, s, weight_panels<Ring>(g, w.data<Ring>(), many_points)});
}

RingPanelWeights::~RingPanelWeights() = default;
RingPanelWeights::RingPanelWeights(RingPanelWeights&&) noexcept = default;
RingPanelWeights& RingPanelWeights::operator=(RingPanelWeights&&) noexcept = default;

void RingPanelWeights::convolve(const Tensor& x, const Tensor& y, const Tensor& addend) const {
  const ConvGeometry g =
      convolution_geometry("ring_panels", panels_->options, x.shape(), panels_->shape);
  const Shape result = {g.n, g.oh, g.ow, g.k};
  const auto fits = [](const Tensor& t, const Shape& shape) {
    return t.dtype() == DType::ring64 && t.device() == Device{} && t.shape() == shape;
  };
  require(fits(x, x.shape()) && fits(y, result) && (!addend.defined() || fits(addend, result)),
          "ring_panels: {} to {} with {} added, not ring64 on the host, {}", x.text(), y.text(),
          addend.text(), result.text());
  if (y.elements() == 0) return;
  const EpiloguePointers<Ring> epilogue{
      .bias = nullptr, .residual = addend.defined() ? addend.data<Ring>() : nullptr, .relu = false};
  hush::convolve<Ring>(g, x.data<Ring>(), panels_->matrices, epilogue, y.data<Ring>());
}

void RingPanelWeights::wipe() {
  if (panels_ == nullptr) return;  // moved from
  for (PanelMatrix<Ring>& matrix : panels_->matrices) matrix.clear();
}

}  // namespace hush
