// The logistic function for gates (squeeze-excitation), as an odd polynomial on a clipped argument:
//   c = min(max(x, -4.25), 4.25)
//   σ(x) ≈ 1/2 + c (0.237427591 - 0.012356542 t + 0.000311891 t²),   t = c²,
// the minimax fit of degree 5 that also counts the limits 0 and 1 beyond the clip.
// Error at most 0.0071 from the fit and 0.0002 from rounding at 16 fraction bits:
// |σ̃(x) - σ(x)| < 0.0075 everywhere.
//
// Rounds (each the message of the protocol named; all values masked, uniform):
//   ReLU of x - 4.25 and -4.25 - x for the clip; square of c; truncation and square of t in one
//   opening; truncation of the polynomial in t; its product with c; truncation.
#pragma once

#include "mpc/online/relu.h"

namespace hush::mpc {

inline constexpr double kSigmoidError = 0.0075;

// y = σ̃(x), both at `fraction_bits` (8 to 16). |x| < 2^(width-1) - 4.25 as in relu.h; `relu.shift`
// must be 0.
Conversation sigmoid(Party& party, ReluOptions relu_options, unsigned fraction_bits,
                     std::span<const Ring> x, std::span<Ring> y);
Cost predict_sigmoid(const ReluOptions& relu_options, std::size_t count);
void demand_sigmoid(Demand& demand, const ReluOptions& relu_options, unsigned fraction_bits,
                    std::size_t count);

}  // namespace hush::mpc
