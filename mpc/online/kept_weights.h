// The operand of a bilinear op that stays the same from query to query, kept in the form in which
// products with it are fastest.
//
// For 3 × 3 convolutions on the CPU that is Winograd's: its transform is done once, and products
// take 2.25 times fewer multiplications, but come out 4 times too large (core/ring_winograd.h).
// Both parties have to agree on that, so it follows from the op and the shapes alone. Other
// convolutions keep their weights in panels (core/ring_panels.h). A party on another device
// computes the same with the op itself.
#pragma once

#include <memory>
#include <optional>

#include "core/op.h"
#include "core/ring_panels.h"
#include "core/ring_winograd.h"

namespace hush::mpc {

class KeptWeights {
 public:
  // By how many bits products x ⊛ w of these shapes may be scaled up to be faster: 0 for most.
  static unsigned scale_bits(const Op& op, const Shape& x, const Shape& w);

  KeptWeights() = default;
  // `bits` is 0, or scale_bits for all x to come. Keeps a reference to w, or its transform.
  KeptWeights(std::shared_ptr<const Op> op, const Tensor& w, unsigned bits);

  bool defined() const { return op_ != nullptr; }
  // y = 2^bits (x ⊛ w) + addend; y and addend (or undefined) have the shape of the product, and
  // all are on the device of w. Any number of threads may call it.
  void apply(const Tensor& x, const Tensor& addend, const Tensor& y) const;
  Device device() const { return winograd_ || panels_ ? Device{} : w_.device(); }
  // Zeroes what is kept, unless somebody else refers to it.
  void wipe();

 private:
  std::shared_ptr<const Op> op_;
  unsigned bits_ = 0;
  Tensor w_;  // undefined where one of the forms below is kept instead
  std::optional<RingWinogradWeights> winograd_;
  std::optional<RingPanelWeights> panels_;
};

}  // namespace hush::mpc
