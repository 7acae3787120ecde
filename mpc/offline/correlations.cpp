#include "mpc/offline/correlations.h"

#include <algorithm>

namespace hush::mpc {
namespace {

// The fields of a share, checked to be as many as its kind has.
std::vector<SecretWords> take_fields(CorrelationShare&& share, std::size_t expected) {
  require(share.fields.size() == expected, "correlation: {} fields instead of {}",
          share.fields.size(), expected);
  return std::move(share.fields);
}

CorrelationRequest simple(CorrelationKind kind, std::size_t count, unsigned shift = 0) {
  CorrelationRequest request;
  request.kind = kind;
  request.count = count;
  request.shift = shift;
  return request;
}

}  // namespace

CorrelationRequest SquarePairs::request(std::size_t count) {
  return simple(CorrelationKind::square_pairs, count);
}
SquarePairs::SquarePairs(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 2);
  a = std::move(fields[0]);
  a_squared = std::move(fields[1]);
}

CorrelationRequest Product::request(std::shared_ptr<const Op> op, const Shape& x, const Shape& w,
                                    std::uint64_t mask, Ownership ownership) {
  CorrelationRequest request = simple(CorrelationKind::product, 1);
  request.op = std::move(op);
  request.x = x;
  request.w = w;
  request.mask = mask;
  request.ownership = ownership;
  return request;
}
Product::Product(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 3);
  a = std::move(fields[0]);
  b = std::move(fields[1]);
  c = std::move(fields[2]);
}

CorrelationRequest WeightMask::request(const Shape& w, std::uint64_t mask, Ownership ownership) {
  CorrelationRequest request = simple(CorrelationKind::weight_mask, 1);
  request.w = w;
  request.mask = mask;
  request.ownership = ownership;
  return request;
}
WeightMask::WeightMask(CorrelationShare&& share) {
  b = std::move(take_fields(std::move(share), 1)[0]);
}

CorrelationRequest CrossAnds::request(std::size_t words) {
  return simple(CorrelationKind::cross_ands, words);
}
CrossAnds::CrossAnds(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 2);
  own = std::move(fields[0]);
  c = std::move(fields[1]);
}

CorrelationRequest AndTriples::request(std::size_t words) {
  return simple(CorrelationKind::and_triples, words);
}
AndTriples::AndTriples(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 3);
  a = std::move(fields[0]);
  b = std::move(fields[1]);
  c = std::move(fields[2]);
}

CorrelationRequest CarryGroups::request(std::size_t words, unsigned arity, bool propagate) {
  CorrelationRequest request = simple(CorrelationKind::carry_groups, words);
  request.arity = arity;
  request.propagate = propagate;
  return request;
}

CorrelationRequest BitPairs::request(std::size_t count) {
  return simple(CorrelationKind::bit_pairs, count);
}
BitPairs::BitPairs(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 2);
  bits = std::move(fields[0]);
  value = std::move(fields[1]);
}

CorrelationRequest Selections::request(std::size_t count, unsigned shift) {
  return simple(CorrelationKind::selections, count, shift);
}
Selections::Selections(CorrelationShare&& share, unsigned shift) {
  auto fields = take_fields(std::move(share), shift == 0 ? 4 : 7);
  r = std::move(fields[0]);
  bits = std::move(fields[1]);
  value = std::move(fields[2]);
  value_r = std::move(fields[3]);
  if (shift == 0) return;
  r_high = std::move(fields[4]);
  r_sign = std::move(fields[5]);
  value_sign = std::move(fields[6]);
}

CorrelationRequest Truncations::request(std::size_t count, unsigned shift) {
  return simple(CorrelationKind::truncations, count, shift);
}
Truncations::Truncations(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 3);
  r = std::move(fields[0]);
  r_high = std::move(fields[1]);
  r_sign = std::move(fields[2]);
}

CorrelationRequest TruncatedSquares::request(std::size_t count, unsigned shift) {
  return simple(CorrelationKind::truncated_squares, count, shift);
}
TruncatedSquares::TruncatedSquares(CorrelationShare&& share) {
  auto fields = take_fields(std::move(share), 5);
  r = std::move(fields[0]);
  r_high = std::move(fields[1]);
  r_sign = std::move(fields[2]);
  square = std::move(fields[3]);
  cross = std::move(fields[4]);
}

CorrelationRequest Comparisons::request(std::size_t count, unsigned width, unsigned shift,
                                        ComparisonOutput output) {
  CorrelationRequest request = simple(CorrelationKind::comparisons, count, shift);
  // A truncated number has no more bits than are left.
  request.width = std::min(width, 64 - std::min(shift, 63u));
  request.output = output;
  return request;
}
Comparisons::Comparisons(CorrelationShare&& share, const CorrelationRequest& request) {
  require(request.kind == CorrelationKind::comparisons, "correlation: {} is not a comparison",
          request.text());
  auto fields = take_fields(std::move(share), 12);
  SecretWords* const all[] = {&r,      &r_high, &r_sign, &roots,   &corrections, &hash_key,
                              &k_bits, &bits,   &value,  &value_r, &value_sign,  &offsets};
  for (std::size_t i = 0; i < fields.size(); ++i) *all[i] = std::move(fields[i]);
}

unsigned comparison_lanes(const CorrelationRequest& request) {
  if (request.output != ComparisonOutput::product) return 0;
  return request.shift == 0 ? 2 : 4;
}

}  // namespace hush::mpc
