// Signs and ReLU, three ways (and one variant). Each party learns masked values alone, uniform.
//
//   a2b         CrypTen's: all 64 bits of the sum (binary.h), bit to ring, Beaver product.
//               9 rounds, 232 bytes an element.
//   carry       carry tree for the sign alone (carry.h), then selection.h.
//               5 rounds; 33.75 bytes at width 64, 20.5 at 32.
//   dcf         comparison function on the opened x + r, its value already times x.
//               1 round, 8 bytes.
//   dcf_select  comparison function to a bit, then select by the same r: a much shorter key.
//               2 rounds, 8.125 bytes.
//
// dcf: with x̂ = x + r open, (x >= 0) = k ⊕ m ⊕ [x̂' < r'], m bit k-1 of x̂ and ' the bits below
// (Comparisons in correlations.h; Boyle et al., EUROCRYPT 2021, section 4; LLAMA, Gupta et al.,
// PoPETs 2022). Messages, both ways at once: x̂'s share; dcf_select then δ = d ⊕ β, packed.
//
// Fused truncation: with `shift`, y = ReLU(x >> shift) from the same openings, at no cost (a2b,
// the faithful baseline, truncates in a round of its own before). Then -2^62 <= x < 2^62, and it is
// the truncated number that is compared: dcf compares the very number that it returns, carry the
// sum of both parties' shifted words, which is it or 1 or 2 less (so that 0 may stand for 1 ulp).
#pragma once

#include <string_view>

#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

enum class ReluMethod : std::uint8_t { a2b, carry, dcf, dcf_select };
// "a2b", "carry", "dcf", "dcf-select"; throws ArgumentError for anything else.
ReluMethod parse_relu_method(std::string_view text);
std::string_view name_of(ReluMethod method);

struct ReluOptions {
  ReluMethod method = ReluMethod::carry;
  // Exact while -2^(width-1) <= x < 2^(width-1); 9 to 64. a2b always takes 64. With a shift:
  // while -2^(width-1) < x >> shift < 2^(width-1) - 1, and at most 64 - shift bits count.
  unsigned width = 64;
  // Fraction bits to drop from x; 0 for none, at most 55.
  unsigned shift = 0;
};

// y = max(x, 0) >> shift.
Conversation relu(Party& party, ReluOptions options, std::span<const Ring> x, std::span<Ring> y);
Cost predict_relu(const ReluOptions& options, std::size_t count);
void demand_relu(Demand& demand, const ReluOptions& options, std::size_t count);

// bits (packed) = shares under exclusive or of x >= 0. `shift` must be 0; dcf and dcf_select are
// the same here.
Conversation nonnegative(Party& party, ReluOptions options, std::span<const Ring> x,
                         std::span<std::uint64_t> bits);
Cost predict_nonnegative(const ReluOptions& options, std::size_t count);
void demand_nonnegative(Demand& demand, const ReluOptions& options, std::size_t count);

}  // namespace hush::mpc
