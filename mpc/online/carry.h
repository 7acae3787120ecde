// The sign of a shared number from a carry tree of radix 4.
//
// Let the parties' words be x_0 and x_1. Bit k-1 of their sum is the exclusive or of both bits k-1
// and of the carry out of the k-1 bits below; only that carry is computed, not the whole sum as
// CrypTen does. Bits are sliced: 64 elements a word.
//   Round 1          g_j = x_0[j] & x_1[j], each factor known to one party: it masks and sends its
//                    own, 1 bit (offline: cross_ands). p_j = x_0[j] ⊕ x_1[j] is already shared.
//   Rounds 2 … 4     up to four neighbouring (g, p) become one (carry_group.h): every input but the
//                    highest g is masked and opened, at most 7 bits a group.
// (Prefix trees of higher valency are those of digital adders; multi-input ANDs with one opening
// are from Ohata, Nuida, FC 2020, and Patra, Schneider, Suresh, Yalame, ABY2.0, USENIX Security
// 2021, section 3.1.)
// Each party learns masked bits alone, uniform. Rounds 1 + ⌈log4(k-1)⌉; bits an element and party
// 205 at k = 64, 99 at k = 32.
#pragma once

#include <vector>

#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

// Neighbouring groups of one kind: inputs first_input … first_input + groups · arity - 1. A group
// of one input passes it on.
struct CarryRun {
  unsigned arity;
  bool propagate;
  std::size_t groups;
  std::size_t first_input;
};
// The groups of one level over `inputs` carries, lowest first; the lowest needs no propagate bit.
std::vector<CarryRun> carry_level(std::size_t inputs);

// bits (packed) = this party's share, under exclusive or, of x >= 0.
// Exact while -2^(width-1) <= x < 2^(width-1); 2 <= width <= 64.
Conversation nonnegative_by_carry(Party& party, unsigned width, std::span<const Ring> x,
                                  std::span<std::uint64_t> bits);
Cost predict_nonnegative_by_carry(unsigned width, std::size_t count);
void demand_nonnegative_by_carry(Demand& demand, unsigned width, std::size_t count);

}  // namespace hush::mpc
