// Real numbers as elements of Z_2^64: x becomes round(x · 2^f), negative numbers in two's
// complement. Sums keep the scale, a product has the sum of both scales.
#pragma once

#include "core/tensor.h"

namespace hush::mpc {

class FixedPoint {
 public:
  static constexpr int kDefaultFractionBits = 16;
  // Truncation and the square of a freshly encoded value need room above it: encoded magnitudes
  // stay below 2^(kMagnitudeBits).
  static constexpr int kMagnitudeBits = 46;

  // 0 to 40 fraction bits; throws ArgumentError otherwise.
  explicit FixedPoint(int fraction_bits = kDefaultFractionBits);

  int fraction_bits() const { return fraction_bits_; }
  // One unit in the last place, 2^-f.
  double ulp() const;

  // Round to nearest, ties to even. Throws NumericError if |x| · 2^f reaches 2^kMagnitudeBits or x
  // is not a number.
  Ring encode(double x) const;
  double decode(Ring x) const;
  // float32 to ring64 and back, of any shape, on the host.
  Tensor encode(const Tensor& x) const;
  Tensor decode(const Tensor& x) const;

 private:
  int fraction_bits_;
};

}  // namespace hush::mpc
