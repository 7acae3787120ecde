// Joining neighbouring (generate, propagate) pairs of a carry chain into one, for 2 to 4 at a time:
//   G = g_{m-1} ⊕ p_{m-1} g_{m-2} ⊕ p_{m-1} p_{m-2} g_{m-3} ⊕ …        P = p_{m-1} ⋯ p_0
// (⊕ instead of "or", because at most one term is 1.) With every input masked and opened, each
// product of inputs is a sum over subsets of public values times shares of products of masks:
//   Π_{i in T} (v̂_i ⊕ m_i) = ⊕_{S ⊆ T} (Π_{i in T \ S} v̂_i) · (Π_{i in S} m_i)
// so one opening suffices whatever the radix. This file says which inputs and products those are;
// offline and online share it.
//
// A set of inputs is a bit mask: bit i is p_i, bit 4 + i is g_i.
#pragma once

#include <cstdint>
#include <vector>

namespace hush::mpc {

using InputSet = std::uint8_t;

struct CarryGroupTerms {
  std::vector<InputSet> generate;  // the products that sum to G, without g_{m-1} alone
  InputSet propagate = 0;          // the product P; 0 if it is not wanted
  std::vector<InputSet> inputs;    // the single inputs that are opened, ascending
  std::vector<InputSet> products;  // sets of at least two masks whose product is needed, ascending
};

constexpr InputSet propagate_input(unsigned i) {
  return InputSet(1u << i);
}
constexpr InputSet generate_input(unsigned i) {
  return InputSet(16u << i);
}

// `arity` is 2, 3 or 4; throws ArgumentError otherwise.
CarryGroupTerms carry_group_terms(unsigned arity, bool propagate);

}  // namespace hush::mpc
