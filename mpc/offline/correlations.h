// The kinds of correlated randomness, one struct each: what it is, its defining equation, its
// fields. Sums are over both parties; ⊕ and & act on packed bits (bit i of word w is element
// 64 w + i). A party's part of a field has the field's name.
//
// A struct is made from what CorrelationSource::take returns and owns the memory, which is wiped
// when it goes.
#pragma once

#include <array>

#include "mpc/offline/correlation.h"

namespace hush::mpc {

// Σ a_squared = (Σ a)², a uniform.
struct SquarePairs {
  static CorrelationRequest request(std::size_t count);
  explicit SquarePairs(CorrelationShare&& share);
  SecretWords a, a_squared;
};

// c = a ⊛ b for any bilinear op ⊛. With `mask` not 0, b is the weight mask of that number, which is
// used again and again, and the field is empty; a is always fresh.
struct Product {
  static CorrelationRequest request(std::shared_ptr<const Op> op, const Shape& x, const Shape& w,
                                    std::uint64_t mask = 0,
                                    Ownership ownership = Ownership::shared);
  explicit Product(CorrelationShare&& share);
  SecretWords a, b, c;
};

// b uniform. `mask` is a number other than 0 that the caller uses once per weight tensor.
struct WeightMask {
  static CorrelationRequest request(const Shape& w, std::uint64_t mask,
                                    Ownership ownership = Ownership::shared);
  explicit WeightMask(CorrelationShare&& share);
  SecretWords b;
};

// Products of one private bit of each party: ⊕ c = own_0 & own_1, where party i alone knows own_i.
struct CrossAnds {
  static CorrelationRequest request(std::size_t words);
  explicit CrossAnds(CorrelationShare&& share);
  SecretWords own, c;
};

// ⊕ c = (⊕ a) & (⊕ b).
struct AndTriples {
  static CorrelationRequest request(std::size_t words);
  explicit AndTriples(CorrelationShare&& share);
  SecretWords a, b, c;
};

// What joins `arity` (2 … 4) neighbouring carries into one: masks of all inputs but the highest
// generate bit (and, without `propagate`, the lowest propagate bit), and the exclusive-or shares
// of those products of masks that carry_group.h lists.
struct CarryGroups {
  static CorrelationRequest request(std::size_t words, unsigned arity, bool propagate);
  explicit CarryGroups(CorrelationShare&& share) : masks_and_products(std::move(share.fields)) {}
  std::vector<SecretWords> masks_and_products;  // masks first
};

// Σ value = ⊕ bits, element by element: one random bit in both worlds.
struct BitPairs {
  static CorrelationRequest request(std::size_t count);
  explicit BitPairs(CorrelationShare&& share);
  SecretWords bits;   // packed
  SecretWords value;  // ring elements
};

// A bit times a value, for selecting x or 0. r uniform, bits and value as in BitPairs.
// shift = 0: Σ value_r = value · r.
// shift > 0: r_high = r >> shift, r_sign = the highest bit of r,
//            value_r = value · r_high, value_sign = value · r_sign.
struct Selections {
  static CorrelationRequest request(std::size_t count, unsigned shift);
  Selections(CorrelationShare&& share, unsigned shift);
  SecretWords r, bits, value, value_r;
  SecretWords r_high, r_sign, value_sign;  // empty when shift = 0
};

// r uniform, r_high = r >> shift, r_sign = the highest bit of r.
struct Truncations {
  static CorrelationRequest request(std::size_t count, unsigned shift);
  explicit Truncations(CorrelationShare&& share);
  SecretWords r, r_high, r_sign;
};

// The same, and square = r_high², cross = r_high · r_sign.
struct TruncatedSquares {
  static CorrelationRequest request(std::size_t count, unsigned shift);
  explicit TruncatedSquares(CorrelationShare&& share);
  SecretWords r, r_high, r_sign, square, cross;
};

// Keys of the distributed comparison function (mpc/dcf/dcf.h) at α = r mod 2^(width-1), with r
// uniform. Let k be 1 ⊕ bit width-1 of r, so that for x̂ = x + r
//   (x >= 0) = k ⊕ [x̂ mod 2^(width-1) < α] ⊕ bit width-1 of x̂.
// With a shift it is the truncated number that is compared: r and x̂ above are r >> shift and
// x̂ >> shift, and width is at most 64 - shift. (Fraction bits that are dropped anyway would make
// keys longer for nothing.)
// bit:     the function's value is [.. < α] as a bit; ⊕ k_bits = k.
// select:  the same, and a Selections of this r.
// product: the value is (1 - 2k)·(1, v_1, …) for [.. < α], and offsets = k·(1, v_1, …), where v is
//          (r) or, with a shift, (r_high, r_sign). Elements of offsets lie together, `lanes` each.
struct Comparisons {
  static CorrelationRequest request(std::size_t count, unsigned width, unsigned shift,
                                    ComparisonOutput output);
  Comparisons(CorrelationShare&& share, const CorrelationRequest& request);
  SecretWords r, r_high, r_sign;  // the latter two empty without a shift
  SecretWords roots, corrections, hash_key;
  SecretWords k_bits;                            // bit, select
  SecretWords bits, value, value_r, value_sign;  // select; value_sign with a shift
  SecretWords offsets;                           // product
};

// How many ring elements the value of a comparison has: 0 (a bit), 2, or 4 of which 3 are used.
unsigned comparison_lanes(const CorrelationRequest& request);

}  // namespace hush::mpc
