// What a trusted party computes: the fields of a correlation that depend on other fields. The
// dealer's only mathematics; the defining equations are in correlations.h.
#pragma once

#include <map>

#include "mpc/offline/correlation.h"

namespace hush::mpc {

// The weight masks b dealt so far, by number; secret.
class WeightMasks {
 public:
  struct Mask {
    Shape shape;
    Ownership ownership;
    SecretWords value;
  };
  // Throws ArgumentError if the number was used before.
  void add(std::uint64_t number, Mask mask);
  // Throws ArgumentError if there is none, or it does not fit the product.
  const Mask& find(const CorrelationRequest& product) const;

 private:
  std::map<std::uint64_t, Mask> masks_;
};

// Given shares whose `seeded`, `by_party…` and `announced` fields, and party 0's parts of all
// others, are filled: writes party 1's parts, and the common fields of share 0. Public fields of
// share 1 are not used.
void derive(const CorrelationRequest& request, WeightMasks& masks, CorrelationShare& share0,
            CorrelationShare& share1);

}  // namespace hush::mpc
