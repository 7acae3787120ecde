#include "mpc/secure/options.h"

namespace hush::mpc {

WeightMode parse_weight_mode(std::string_view text) {
  for (const WeightMode mode : {WeightMode::shared, WeightMode::owner, WeightMode::open})
    if (name_of(mode) == text) return mode;
  throw ArgumentError(fmt::format("weights: \"{}\" is not shared, owner or public", text));
}

std::string_view name_of(WeightMode mode) {
  switch (mode) {
    case WeightMode::shared:
      return "shared";
    case WeightMode::owner:
      return "owner";
    case WeightMode::open:
      return "public";
  }
  return "unknown";
}

void SecureOptions::check() const {
  require(range_bits >= 4 && range_bits <= 30, "secure inference: {} range bits; 4 to 30 are right",
          range_bits);
  for (const int bits : {fraction_bits, square_bits, coefficient_bits, least_weight_bits})
    require(bits >= 4 && bits <= 24, "secure inference: {} fraction bits; 4 to 24 are right", bits);
  require(most_weight_bits >= least_weight_bits && most_weight_bits <= 30,
          "secure inference: weights of at most {} fraction bits; {} to 30 are right",
          most_weight_bits, least_weight_bits);
  const int polynomial = 2 * square_bits + coefficient_bits;
  require(polynomial + 2 + least_weight_bits <= most_scale() &&
              fraction_bits + 2 + least_weight_bits <= most_scale(),
          "secure inference: {} + {} fraction bits leave no room below {} range bits; use fewer",
          std::max(polynomial, fraction_bits), least_weight_bits, range_bits);
  require(first_mask != 0, "secure inference: masks are numbered from 1");
}

std::string SecureOptions::text() const {
  return fmt::format(
      "weights {} relu {} range {} fraction {} square {} coefficient {} weight {}-{}",
      name_of(weights), name_of(relu), range_bits, fraction_bits, square_bits, coefficient_bits,
      least_weight_bits, most_weight_bits);
}

}  // namespace hush::mpc
