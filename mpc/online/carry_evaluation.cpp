#include "mpc/online/carry_evaluation.h"

#include <algorithm>

namespace hush::mpc {
namespace {

constexpr std::size_t kChunk = 32;  // words worked on at a time: all products fit the first cache

std::size_t index_of(const std::vector<InputSet>& sets, InputSet set) {
  return std::size_t(std::find(sets.begin(), sets.end(), set) - sets.begin());
}

}  // namespace

CarryGroupEvaluation::CarryGroupEvaluation(unsigned arity, bool propagate)
    : terms_(carry_group_terms(arity, propagate)) {
  for (const InputSet target : terms_.generate) add_target(target, generate_terms_);
  if (propagate) add_target(terms_.propagate, propagate_terms_);
}

std::size_t CarryGroupEvaluation::public_product(InputSet set) {
  if (set == 0) return kAlone;
  const std::size_t known = index_of(public_sets_, set);
  if (known < public_sets_.size()) return known;
  const auto lowest = InputSet(set & -set);
  const std::size_t rest = public_product(InputSet(set ^ lowest));
  public_sets_.push_back(set);
  public_products_.push_back({index_of(terms_.inputs, lowest), rest});
  return public_sets_.size() - 1;
}

// The product of the inputs in `target`, expanded over the subsets that are masks.
void CarryGroupEvaluation::add_target(InputSet target, std::vector<Term>& terms) {
  for (unsigned subset = target;; subset = (subset - 1) & target) {
    const auto masks = InputSet(subset);
    std::size_t share = kAlone;
    if ((masks & (masks - 1)) != 0)
      share = terms_.inputs.size() + index_of(terms_.products, masks);
    else if (masks != 0)
      share = index_of(terms_.inputs, masks);
    terms.push_back({public_product(InputSet(target ^ masks)), share});
    if (subset == 0) return;
  }
}

void CarryGroupEvaluation::evaluate(bool first_party, std::span<const Ring> opened,
                                    const std::vector<SecretArray<Ring>>& shares, std::size_t first,
                                    std::size_t words, Ring* generate, Ring* propagate) const {
  std::vector<Ring> products(public_products_.size() * kChunk);
  for (std::size_t begin = 0; begin < words; begin += kChunk) {
    const std::size_t count = std::min(kChunk, words - begin);
    for (std::size_t k = 0; k < public_products_.size(); ++k) {
      const Ring* input = &opened[public_products_[k].input * words + begin];
      Ring* product = &products[k * kChunk];
      if (public_products_[k].rest == kAlone) {
        std::copy_n(input, count, product);
        continue;
      }
      const Ring* rest = &products[public_products_[k].rest * kChunk];
      for (std::size_t i = 0; i < count; ++i) product[i] = input[i] & rest[i];
    }
    const auto add = [&](const std::vector<Term>& terms, Ring* sum) {
      for (const Term& term : terms) {
        const Ring* factor = term.factor == kAlone ? nullptr : &products[term.factor * kChunk];
        const Ring* share = term.share == kAlone ? nullptr : &shares[term.share][first + begin];
        if (share == nullptr && !first_party) continue;
        if (share == nullptr)
          for (std::size_t i = 0; i < count; ++i) sum[i] ^= factor[i];
        else if (factor == nullptr)
          for (std::size_t i = 0; i < count; ++i) sum[i] ^= share[i];
        else
          for (std::size_t i = 0; i < count; ++i) sum[i] ^= factor[i] & share[i];
      }
    };
    add(generate_terms_, generate + begin);
    if (propagate_terms_.empty()) continue;
    std::fill_n(propagate + begin, count, 0);
    add(propagate_terms_, propagate + begin);
  }
}

}  // namespace hush::mpc
