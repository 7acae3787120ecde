// What a trusted party computes: the fields of a correlation that depend on other fields. The
// dealer's only mathematics; the defining equations are in correlations.h.
#pragma once

#include <map>

#include "mpc/offline/correlation.h"
#include "mpc/ot/generator.h"

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

// Given shares whose `seeded`, `by_party…` fields, and party 0's parts of all others, are filled:
// writes party 1's parts and the common fields. `generator` draws public values.
void derive(const CorrelationRequest& request, Generator& generator, WeightMasks& masks,
            CorrelationShare& share0, CorrelationShare& share1);

}  // namespace hush::mpc
