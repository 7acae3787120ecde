// Selecting by a secret bit: y = d · x, where the parties hold d under exclusive or.
//
// For a correlation (r, β, β·r) with β random: open x̂ = x + r and δ = d ⊕ β. Then d = δ + (1-2δ) β
// and x = x̂ - r give
//   d x = δ (x̂ - r) + (1 - 2δ) (x̂ β - β r).
// It fuses the conversion of d to the ring with the product, so it costs one round. (MUX of
// Rathee et al., CrypTFlow2, CCS 2020, section 3.1.3, in Beaver form.) With a shift, x >> shift is
// selected instead: x̂ is opened with an offset and split as in truncation.h, at no further cost.
// Each party learns x̂ and δ, uniform. Message, both ways at once: x̂'s share, then δ's packed.
// 1 round, 8 bytes and 1 bit an element. Offline: one selection an element.
#pragma once

#include "mpc/offline/correlations.h"
#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

// y = d · (x >> shift). `bits` is this party's share of d, packed. A shift of 0 takes any x, other
// shifts -2^62 <= x < 2^62.
Conversation select(Party& party, unsigned shift, std::span<const std::uint64_t> bits,
                    std::span<const Ring> x, std::span<Ring> y);
Cost predict_select(std::size_t count);
void demand_select(Demand& demand, unsigned shift, std::size_t count);

// The parts of a selection's correlation that come after the opening; comparisons have them too.
struct SelectionParts {
  const SecretWords &r, &r_high, &r_sign, &value, &value_r, &value_sign;
};

// y from the opened x̂ and δ (packed).
void finish_selection(bool first, unsigned shift, const SelectionParts& parts,
                      std::span<const Ring> opened, std::span<const std::uint64_t> delta,
                      std::span<Ring> y);

}  // namespace hush::mpc
