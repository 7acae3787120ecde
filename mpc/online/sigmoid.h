// The logistic function for gates (squeeze-excitation), as an odd polynomial on a clipped argument:
//   c = min(max(x, -8), 8),   s = (c / 8)²,   σ(x) ≈ 1/2 + c (A(s) + s⁴ B(s)),
// A of degree 3 and B of degree 4: the minimax fit of degree 17 that also counts the limits 0 and 1
// beyond the clip. Error at most 0.00041 from the fit and 0.0002 from rounding at 16 fraction bits:
// |σ̃(x) - σ(x)| < 0.0006 everywhere. (Gates follow each other: with degree 5, which is 0.0071 off,
// 9 of 100 photographs got another class from an EfficientNet on shares than in the clear.)
//
// Rounds (each the message of the protocol named; all values masked, uniform):
//   ReLU of x - 8 and -8 - x for the clip; square of c; truncation and square of s and then of s²,
//   each in one opening; s · s²; truncation of s³ and s⁴; of B; s⁴ B; truncation; c times the
//   result; truncation.
#pragma once

#include "mpc/online/relu.h"

namespace hush::mpc {

inline constexpr double kSigmoidError = 0.0006;

// y = σ̃(x), both at `fraction_bits` (8 to 16). |x| < 2^(width-1) - 8 as in relu.h; `relu.shift`
// must be 0.
Conversation sigmoid(Party& party, ReluOptions relu_options, unsigned fraction_bits,
                     std::span<const Ring> x, std::span<Ring> y);
Cost predict_sigmoid(const ReluOptions& relu_options, std::size_t count);
void demand_sigmoid(Demand& demand, const ReluOptions& relu_options, unsigned fraction_bits,
                    std::size_t count);

}  // namespace hush::mpc
