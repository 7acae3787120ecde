// The inner loops of truncate_quadratic (truncation.h), for every instruction set.
#pragma once

#include <cstddef>

#include "core/dtype.h"

namespace hush::mpc {

// Adjacent elements that meet adjacent coefficients. All pointers are to the first of `count`.
struct QuadraticRun {
  std::size_t count;
  const Ring *mine, *theirs;                     // parts of the opened x̂
  const Ring *r_high, *r_sign, *square, *cross;  // this party's masks: TruncatedSquares
  const Ring *c2, *c1, *c0;
  unsigned shift;
  bool first;  // whether this is party 0
  Ring* y;
};

// y = c2 x'² + c1 x' + c0 for x' = x >> shift, from the opened x̂.
void finish_quadratic(const QuadraticRun& run);

}  // namespace hush::mpc
