// The local half of joining carries: from opened inputs and shares of products of masks to shares
// of G and P, for one group of any arity over packed words.
#pragma once

#include <span>
#include <vector>

#include "core/dtype.h"
#include "mpc/offline/carry_group.h"
#include "mpc/ot/secret_array.h"

namespace hush::mpc {

class CarryGroupEvaluation {
 public:
  CarryGroupEvaluation(unsigned arity, bool propagate);

  const CarryGroupTerms& terms() const { return terms_; }

  // `opened` holds the inputs of terms().inputs, `words` words each. `shares` are the fields of the
  // group's correlation, of which words first … first + words - 1 belong to this group. Adds to
  // `generate`, which holds the highest generate bit's share, and writes `propagate` if wanted.
  void evaluate(bool first_party, std::span<const Ring> opened,
                const std::vector<SecretArray<Ring>>& shares, std::size_t first, std::size_t words,
                Ring* generate, Ring* propagate) const;

 private:
  // A product of public inputs: the one at `input` times product number `rest` (none if it is
  // kAlone).
  struct PublicProduct {
    std::size_t input;
    std::size_t rest;
  };
  // Public product `factor` times the share of field `share`; kAlone stands for 1.
  struct Term {
    std::size_t factor;
    std::size_t share;
  };
  static constexpr std::size_t kAlone = std::size_t(-1);

  std::size_t public_product(InputSet set);
  void add_target(InputSet target, std::vector<Term>& terms);

  CarryGroupTerms terms_;
  std::vector<InputSet> public_sets_;
  std::vector<PublicProduct> public_products_;
  std::vector<Term> generate_terms_;
  std::vector<Term> propagate_terms_;
};

}  // namespace hush::mpc
