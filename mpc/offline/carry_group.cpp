#include "mpc/offline/carry_group.h"

#include <bit>
#include <set>

#include "core/error.h"

namespace hush::mpc {

CarryGroupTerms carry_group_terms(unsigned arity, bool propagate) {
  require(arity >= 2 && arity <= 4, "carry group: arity {} is not 2, 3 or 4", arity);
  CarryGroupTerms terms;
  InputSet above = 0;  // the propagate bits above the generate bit in turn
  for (unsigned i = arity; i-- > 1;) {
    above |= propagate_input(i);
    terms.generate.push_back(above | generate_input(i - 1));
  }
  if (propagate) terms.propagate = above | propagate_input(0);

  std::vector<InputSet> targets = terms.generate;
  if (propagate) targets.push_back(terms.propagate);
  std::set<InputSet> inputs;
  std::set<InputSet> products;
  for (const InputSet target : targets)
    for (unsigned subset = target; subset != 0; subset = (subset - 1) & target)
      (std::has_single_bit(subset) ? inputs : products).insert(InputSet(subset));
  terms.inputs.assign(inputs.begin(), inputs.end());
  terms.products.assign(products.begin(), products.end());
  return terms;
}

}  // namespace hush::mpc
