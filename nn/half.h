// Sixteen-bit floating-point numbers of files, as float32. Exact: every one of them is a float.
#pragma once

#include <bit>
#include <cstdint>

namespace hush::nn {

// bfloat16 is the upper half of a float32.
inline float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

// IEEE binary16: sign, 5 bits of exponent (bias 15), 10 of fraction.
inline float from_float16(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
  const std::uint32_t exponent = bits >> 10 & 31u;
  const std::uint32_t fraction = bits & 1023u;
  if (exponent == 0) {  // zero or subnormal: fraction · 2^-24
    const float magnitude = float(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 127 - 15;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace hush::nn
