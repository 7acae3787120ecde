#include "mpc/online/fixed_point.h"

#include <cmath>

namespace hush::mpc {

FixedPoint::FixedPoint(int fraction_bits) : fraction_bits_(fraction_bits) {
  require(fraction_bits >= 0 && fraction_bits <= 40,
          "fixed point: {} fraction bits; 0 to 40 are supported", fraction_bits);
}

double FixedPoint::ulp() const {
  return std::ldexp(1.0, -fraction_bits_);
}

Ring FixedPoint::encode(double x) const {
  const double scaled = std::nearbyint(std::ldexp(x, fraction_bits_));
  // The negation also catches what is not a number.
  if (!(std::fabs(scaled) < std::ldexp(1.0, kMagnitudeBits)))
    throw NumericError(fmt::format(
        "fixed point: {} does not fit {} bits with {} fraction bits; use fewer, or scale the model",
        x, kMagnitudeBits, fraction_bits_));
  return Ring(std::int64_t(scaled));
}

double FixedPoint::decode(Ring x) const {
  return std::ldexp(double(std::int64_t(x)), -fraction_bits_);
}

Tensor FixedPoint::encode(const Tensor& x) const {
  Tensor y = Tensor::empty(x.shape(), DType::ring64);
  const auto in = x.values<float>();
  const auto out = y.values<Ring>();
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = encode(double(in[i]));
  return y;
}

Tensor FixedPoint::decode(const Tensor& x) const {
  Tensor y = Tensor::empty(x.shape(), DType::float32);
  const auto in = x.values<Ring>();
  const auto out = y.values<float>();
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = float(decode(in[i]));
  return y;
}

}  // namespace hush::mpc
