// What a secure inference is asked to be: everything that changes what is said, besides the
// network.
//
// Fixed point. A number x is held as round(x 2^scale) mod 2^64, each value of the network with a
// scale of its own, known to both parties. Sums keep it, products add up, and only an opening that
// happens anyway brings it down (mpc/online/truncation.h). A sum of products may have as many bits
// as truncation bears: scale at most 62 - range_bits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mpc/online/relu.h"

namespace hush::mpc {

// Who knows the weights. shared: nobody; both hold shares. owner: party 0. open: both.
enum class WeightMode : std::uint8_t { shared, owner, open };
// "shared", "owner", "public"; throws ArgumentError for anything else.
WeightMode parse_weight_mode(std::string_view text);
std::string_view name_of(WeightMode mode);

struct SecureOptions {
  WeightMode weights = WeightMode::shared;
  ReluMethod relu = ReluMethod::dcf;
  // Values inside of the network must stay below 2^range_bits in magnitude; results are wrong
  // without notice where they do not. 4 to 30.
  int range_bits = 14;
  // Fraction bits of images, of activations that are all ReLUs, and of truncated sums.
  int fraction_bits = 16;
  // Fraction bits of x where x² is taken, and of the coefficients of polynomials: c2 x² comes out
  // at 2 square_bits + coefficient_bits, and is not truncated before the next layer's weights.
  int square_bits = 11;
  int coefficient_bits = 12;
  // Fraction bits of weights: as many as there is room for, between these two.
  int most_weight_bits = 20;
  int least_weight_bits = 10;
  // The first of the numbers by which a dealer knows the masks of the weights: those of two models
  // that live side by side must not overlap.
  std::uint64_t first_mask = 1;

  // Throws ArgumentError if they are out of range or do not fit together.
  void check() const;
  // The largest scale of a sum of products.
  int most_scale() const { return 62 - range_bits; }
  // Canonical, for digests.
  std::string text() const;
};

}  // namespace hush::mpc
