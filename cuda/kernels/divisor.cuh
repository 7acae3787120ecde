// Division by a number that is known when a kernel starts, as a multiplication and a shift.
//
// Granlund, Montgomery: "Division by Invariant Integers using Multiplication", PLDI 1994, figure
// 4.1, for dividends below 2^31: with 2^(s-1) < d ≤ 2^s and m = ⌊2^32 (2^s - d) / d⌋ + 1,
// n / d = (⌊n m / 2^32⌋ + n) / 2^s.
#pragma once

#include <bit>

#include "cuda/launch.h"

namespace hush::cuda {

struct Divisor {
  unsigned divisor = 1, multiplier = 1, shift = 0;

  Divisor() = default;
  // `d` from 1 to 2^31 - 1.
  explicit Divisor(std::int64_t d)
      : divisor(unsigned(d)), shift(unsigned(std::bit_width(divisor - 1))) {
    multiplier =
        unsigned((std::uint64_t{1} << 32) * ((std::uint64_t{1} << shift) - divisor) / divisor + 1);
  }
  __device__ int quotient(int n) const {
    return int((__umulhi(unsigned(n), multiplier) + unsigned(n)) >> shift);
  }
  __device__ int remainder(int n) const { return n - quotient(n) * int(divisor); }
};

}  // namespace hush::cuda
