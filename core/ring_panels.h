// Convolutions over the ring with weights that stay, kept in the order in which the CPU's kernels
// read them: for the layers of secure inference that have no Winograd form (ring_winograd.h).
//
// At batch 1 the weights of a deep layer are many times its images, and reading them from where
// they lie costs more than the products: half the time from 256 channels on.
#pragma once

#include <memory>

#include "core/kernel_options.h"
#include "core/tensor.h"

namespace hush {

class RingPanelWeights {
 public:
  // w [R, S, C / groups, K], ring64 on the host.
  RingPanelWeights(const ConvOptions& options, const Tensor& w);
  ~RingPanelWeights();
  RingPanelWeights(RingPanelWeights&&) noexcept;
  RingPanelWeights& operator=(RingPanelWeights&&) noexcept;

  // y = x ⊛ w + addend, which has y's shape or is undefined; as Backend::conv2d, for images of any
  // size. Any number of threads may call it. Throws ArgumentError for wrong shapes.
  void convolve(const Tensor& x, const Tensor& y, const Tensor& addend = {}) const;
  // Overwrites what is kept, which is as secret as w is.
  void wipe();

 private:
  struct Panels;
  std::unique_ptr<Panels> panels_;
};

}  // namespace hush
