#include "mpc/offline/derive.h"

#include <sodium.h>

#include <algorithm>
#include <functional>

#include "mpc/dcf/dcf.h"
#include "mpc/offline/carry_group.h"
#include "mpc/offline/correlations.h"

namespace hush::mpc {
namespace {

// Both parties' shares of one correlation, field by field.
class Derivation {
 public:
  Derivation(CorrelationShare& share0, CorrelationShare& share1)
      : share0_(share0), share1_(share1) {}

  const SecretWords& part(int party, std::size_t field) const {
    return (party == 0 ? share0_ : share1_).fields[field];
  }
  // The value of an additive or exclusive-or shared field; an empty part counts as zeros.
  SecretWords sum(std::size_t field) const { return joined(field, std::plus<Ring>()); }
  SecretWords exclusive_sum(std::size_t field) const { return joined(field, std::bit_xor<Ring>()); }
  // Sets party 1's part so that the value of element i is value(i).
  template <class F>
  void complete(std::size_t field, F value) {
    SecretWords& part1 = share1_.fields[field];
    const SecretWords& part0 = share0_.fields[field];
    for (std::size_t i = 0; i < part1.size(); ++i) part1[i] = value(i) - part0[i];
  }
  template <class F>
  void complete_exclusive(std::size_t field, F value) {
    SecretWords& part1 = share1_.fields[field];
    const SecretWords& part0 = share0_.fields[field];
    for (std::size_t i = 0; i < part1.size(); ++i) part1[i] = value(i) ^ part0[i];
  }
  // Words of a public field.
  SecretWords& common(std::size_t field) { return share0_.fields[field]; }

 private:
  template <class Combine>
  SecretWords joined(std::size_t field, Combine combine) const {
    const SecretWords& part0 = share0_.fields[field];
    const SecretWords& part1 = share1_.fields[field];
    SecretWords value(std::max(part0.size(), part1.size()), Unfilled{});
    for (std::size_t i = 0; i < value.size(); ++i)
      value[i] = combine(part0.size() == 0 ? 0 : part0[i], part1.size() == 0 ? 0 : part1[i]);
    return value;
  }

  CorrelationShare& share0_;
  CorrelationShare& share1_;
};

std::span<const Block> blocks_of(const SecretWords& words) {
  return {reinterpret_cast<const Block*>(words.data()), words.size() / 2};
}
std::span<Block> blocks_of(SecretWords& words) {
  return {reinterpret_cast<Block*>(words.data()), words.size() / 2};
}

Tensor tensor_of(const Shape& shape, const SecretWords& words) {
  return Tensor::from(shape, std::span<const Ring>(words.data(), words.size()));
}

void wipe(const Tensor& tensor) {
  sodium_memzero(tensor.raw(), tensor.bytes());
}

void derive_product(const CorrelationRequest& request, const WeightMasks& masks, Derivation& d) {
  const Tensor a = tensor_of(request.x, d.sum(0));
  const Tensor b = request.mask == 0 ? tensor_of(request.w, d.sum(1))
                                     : tensor_of(request.w, masks.find(request).value);
  std::vector<Tensor> saved;
  const Tensor operands[] = {a, b};
  const Tensor c = request.op->forward({}, operands, saved);
  d.complete(2, [&](std::size_t i) { return c.values<Ring>()[i]; });
  wipe(a);
  wipe(b);
  wipe(c);
}

void derive_carry_groups(const CorrelationRequest& request, Derivation& d) {
  const CarryGroupTerms terms = carry_group_terms(request.arity, request.propagate);
  std::vector<SecretWords> masks;
  for (std::size_t m = 0; m < terms.inputs.size(); ++m) masks.push_back(d.exclusive_sum(m));
  for (std::size_t s = 0; s < terms.products.size(); ++s) {
    d.complete_exclusive(terms.inputs.size() + s, [&](std::size_t i) {
      Ring product = ~Ring{0};
      for (std::size_t m = 0; m < masks.size(); ++m)
        if ((terms.products[s] & terms.inputs[m]) != 0) product &= masks[m][i];
      return product;
    });
  }
}

// r_high and r_sign at the fields after r, and what multiplies them by `factor`.
struct TruncationMask {
  SecretWords r;
  unsigned shift;
  Ring high(std::size_t i) const { return r[i] >> shift; }
  Ring sign(std::size_t i) const { return r[i] >> 63; }
};

void derive_truncation(Derivation& d, const TruncationMask& mask, std::size_t high_field) {
  d.complete(high_field, [&](std::size_t i) { return mask.high(i); });
  d.complete(high_field + 1, [&](std::size_t i) { return mask.sign(i); });
}

// The fields value, value_r and value_sign, where bits at `bits_field` are already drawn.
void derive_selection(Derivation& d, const TruncationMask& mask, std::size_t bits_field,
                      std::size_t sign_field) {
  const SecretWords bits = d.exclusive_sum(bits_field);
  const std::span<const Ring> words(bits.data(), bits.size());
  d.complete(bits_field + 1, [&](std::size_t i) { return bit_at(words, i); });
  d.complete(bits_field + 2, [&](std::size_t i) { return bit_at(words, i) * mask.high(i); });
  if (mask.shift != 0)
    d.complete(sign_field, [&](std::size_t i) { return bit_at(words, i) * mask.sign(i); });
}

void derive_comparisons(const CorrelationRequest& request, Derivation& d) {
  enum { kR, kHigh, kSign, kRoots, kCorrections, kHashKey, kKBits, kBits, kValue };
  constexpr std::size_t kValueSign = 10;
  constexpr std::size_t kOffsets = 11;
  const TruncationMask mask{d.sum(kR), request.shift};
  const unsigned lanes = comparison_lanes(request);
  const auto k = [&](std::size_t i) { return ~(mask.high(i) >> (request.width - 1)) & 1; };
  // Lane j of (1, v_1, …).
  const auto v = [&](std::size_t i, std::size_t lane) {
    return lane == 0 ? 1 : lane == 1 ? mask.high(i) : lane == 2 ? mask.sign(i) : 0;
  };
  if (request.shift != 0) derive_truncation(d, mask, kHigh);
  if (request.output == ComparisonOutput::select) derive_selection(d, mask, kBits, kValueSign);
  if (lanes == 0) {
    d.complete_exclusive(kKBits, [&](std::size_t word) {
      Ring bits = 0;
      for (std::size_t i = 64 * word; i < std::min<std::size_t>(64 * word + 64, request.count); ++i)
        bits |= k(i) << (i % 64);
      return bits;
    });
  }
  if (lanes != 0)
    d.complete(kOffsets, [&](std::size_t i) { return k(i / lanes) * v(i / lanes, i % lanes); });

  SecretWords alphas(request.count, Unfilled{});
  SecretWords betas(request.count * lanes, Unfilled{});
  const Ring low = (Ring{1} << (request.width - 1)) - 1;
  for (std::size_t i = 0; i < alphas.size(); ++i) alphas[i] = mask.high(i) & low;
  for (std::size_t i = 0; i < alphas.size(); ++i)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      betas[i * lanes + lane] = (1 - 2 * k(i)) * v(i, lane);
  const Block hash_key = {d.common(kHashKey)[0], d.common(kHashKey)[1]};
  dcf_generate({request.width - 1, lanes / 2}, hash_key, alphas, betas,
               blocks_of(d.part(0, kRoots)), blocks_of(d.part(1, kRoots)),
               blocks_of(d.common(kCorrections)));
}

}  // namespace

void WeightMasks::add(std::uint64_t number, Mask mask) {
  require(masks_.emplace(number, std::move(mask)).second,
          "correlation: weight mask {} was dealt before; give every weight its own number", number);
}

const WeightMasks::Mask& WeightMasks::find(const CorrelationRequest& product) const {
  const auto found = masks_.find(product.mask);
  require(found != masks_.end(),
          "correlation: there is no weight mask {}; request it before its products", product.mask);
  require(found->second.shape == product.w && found->second.ownership == product.ownership,
          "correlation: weight mask {} has shape {}, or another owner, than its product",
          product.mask, found->second.shape.text());
  return found->second;
}

void derive(const CorrelationRequest& request, WeightMasks& masks, CorrelationShare& share0,
            CorrelationShare& share1) {
  Derivation d(share0, share1);
  switch (request.kind) {
    case CorrelationKind::square_pairs: {
      const SecretWords a = d.sum(0);
      return d.complete(1, [&](std::size_t i) { return a[i] * a[i]; });
    }
    case CorrelationKind::product:
      return derive_product(request, masks, d);
    case CorrelationKind::weight_mask:
      return masks.add(request.mask, {request.w, request.ownership, d.sum(0)});
    case CorrelationKind::cross_ands:
      return d.complete_exclusive(
          1, [&](std::size_t i) { return share0.fields[0][i] & share1.fields[0][i]; });
    case CorrelationKind::and_triples: {
      const SecretWords a = d.exclusive_sum(0);
      const SecretWords b = d.exclusive_sum(1);
      return d.complete_exclusive(2, [&](std::size_t i) { return a[i] & b[i]; });
    }
    case CorrelationKind::carry_groups:
      return derive_carry_groups(request, d);
    case CorrelationKind::bit_pairs: {
      const SecretWords bits = d.exclusive_sum(0);
      const std::span<const Ring> words(bits.data(), bits.size());
      return d.complete(1, [&](std::size_t i) { return bit_at(words, i); });
    }
    case CorrelationKind::selections: {
      const TruncationMask mask{d.sum(0), request.shift};
      if (request.shift != 0) derive_truncation(d, mask, 4);
      return derive_selection(d, mask, 1, 6);
    }
    case CorrelationKind::truncations:
      return derive_truncation(d, {d.sum(0), request.shift}, 1);
    case CorrelationKind::truncated_squares: {
      const TruncationMask mask{d.sum(0), request.shift};
      derive_truncation(d, mask, 1);
      d.complete(3, [&](std::size_t i) { return mask.high(i) * mask.high(i); });
      return d.complete(4, [&](std::size_t i) { return mask.high(i) * mask.sign(i); });
    }
    case CorrelationKind::comparisons:
      return derive_comparisons(request, d);
  }
  throw ArgumentError(fmt::format("correlation: unknown kind {}", int(request.kind)));
}

}  // namespace hush::mpc
