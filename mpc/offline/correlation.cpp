#include "mpc/offline/correlation.h"

#include <algorithm>

#include "mpc/dcf/dcf.h"
#include "mpc/offline/carry_group.h"
#include "mpc/offline/correlations.h"

namespace hush::mpc {
namespace {

constexpr const char* kKindNames[] = {
    "square_pairs", "product",    "weight_mask", "cross_ands",        "and_triples", "carry_groups",
    "bit_pairs",    "selections", "truncations", "truncated_squares", "comparisons"};

using enum FieldSource;

std::vector<Field> product_layout(const CorrelationRequest& request) {
  require(request.op != nullptr && request.op->algebra() == Algebra::bilinear,
          "correlation: a product needs a bilinear op");
  const Shape operands[] = {request.x, request.w};
  const bool one_sided = request.ownership == Ownership::party0_weights;
  const std::size_t b_words = request.mask == 0 ? std::size_t(request.w.elements()) : 0;
  return {{"a", std::size_t(request.x.elements()), one_sided ? by_party1 : seeded},
          {"b", b_words, one_sided ? by_party0 : seeded},
          {"c", std::size_t(request.op->output_shape(operands).elements()), additive}};
}

std::vector<Field> carry_group_layout(const CorrelationRequest& request) {
  const CarryGroupTerms terms = carry_group_terms(request.arity, request.propagate);
  std::vector<Field> fields(terms.inputs.size(), Field{"mask", request.count, seeded});
  fields.insert(fields.end(), terms.products.size(), Field{"product", request.count, exclusive});
  return fields;
}

std::vector<Field> selection_layout(std::size_t n, bool truncate) {
  std::vector<Field> fields = {{"r", n, seeded},
                               {"bits", bit_words(n), seeded},
                               {"value", n, additive},
                               {"value_r", n, additive}};
  if (truncate)
    for (const char* name : {"r_high", "r_sign", "value_sign"})
      fields.push_back({name, n, additive});
  return fields;
}

std::vector<Field> comparison_layout(const CorrelationRequest& request) {
  const std::size_t n = request.count;
  const std::size_t truncated = request.shift != 0 ? n : 0;
  const bool bit = request.output != ComparisonOutput::product;
  const bool select = request.output == ComparisonOutput::select;
  const DcfShape shape{request.width - 1, comparison_lanes(request) / 2};
  return {{"r", n, seeded},
          {"r_high", truncated, additive},
          {"r_sign", truncated, additive},
          {"roots", 2 * dcf_root_blocks(n), seeded},
          {"corrections", 2 * dcf_correction_blocks(shape, n), common},
          {"hash_key", 2, announced},
          {"k_bits", bit ? bit_words(n) : 0, exclusive},
          {"bits", select ? bit_words(n) : 0, seeded},
          {"value", select ? n : 0, additive},
          {"value_r", select ? n : 0, additive},
          {"value_sign", select ? truncated : 0, additive},
          {"offsets", comparison_lanes(request) * n, additive}};
}

}  // namespace

std::string CorrelationRequest::text() const {
  const auto kind_index = std::size_t(kind);
  require(kind_index < std::size(kKindNames), "correlation: unknown kind {}", kind_index);
  std::string text = fmt::format("{} count {}", kKindNames[kind_index], count);
  if (shift != 0) text += fmt::format(" shift {}", shift);
  if (kind == CorrelationKind::comparisons)
    text += fmt::format(" width {} output {}", width, int(output));
  if (kind == CorrelationKind::carry_groups)
    text += fmt::format(" arity {}{}", arity, propagate ? " propagate" : "");
  if (mask != 0) text += fmt::format(" mask {}", mask);
  if (ownership == Ownership::party0_weights) text += " party0_weights";
  if (op) text += fmt::format(" op {} {} x {}", op->name(), op->options_text(), x.text());
  if (w.rank() != 0) text += fmt::format(" w {}", w.text());
  return text;
}

std::vector<Field> layout(const CorrelationRequest& request) {
  const std::size_t n = request.count;
  const bool truncate = request.shift != 0;
  require(request.shift < 62, "correlation: cannot truncate by {} of 62 bits", request.shift);
  switch (request.kind) {
    case CorrelationKind::square_pairs:
      return {{"a", n, seeded}, {"a_squared", n, additive}};
    case CorrelationKind::product:
      return product_layout(request);
    case CorrelationKind::weight_mask:
      require(request.mask != 0, "correlation: a weight mask needs a number other than 0");
      return {{"b", std::size_t(request.w.elements()),
               request.ownership == Ownership::shared ? seeded : by_party0}};
    case CorrelationKind::cross_ands:
      return {{"own", n, seeded}, {"c", n, exclusive}};
    case CorrelationKind::and_triples:
      return {{"a", n, seeded}, {"b", n, seeded}, {"c", n, exclusive}};
    case CorrelationKind::carry_groups:
      return carry_group_layout(request);
    case CorrelationKind::bit_pairs:
      return {{"bits", bit_words(n), seeded}, {"value", n, additive}};
    case CorrelationKind::selections:
      return selection_layout(n, truncate);
    case CorrelationKind::truncations:
    case CorrelationKind::truncated_squares: {
      require(truncate, "correlation: a truncation by 0 bits");
      std::vector<Field> fields = {
          {"r", n, seeded}, {"r_high", n, additive}, {"r_sign", n, additive}};
      if (request.kind == CorrelationKind::truncated_squares)
        for (const char* name : {"square", "cross"}) fields.push_back({name, n, additive});
      return fields;
    }
    case CorrelationKind::comparisons:
      return comparison_layout(request);
  }
  throw ArgumentError(fmt::format("correlation: unknown kind {}", int(request.kind)));
}

std::size_t words_of(const Field& field, int party) {
  const bool absent =
      (field.source == by_party0 && party == 1) || (field.source == by_party1 && party == 0);
  return absent ? 0 : field.words;
}

bool is_dealt(const Field& field, int party) {
  return is_public(field) ||
         (party == 1 && (field.source == additive || field.source == exclusive));
}

CorrelationShare unfilled_share(const CorrelationRequest& request, int party) {
  CorrelationShare share;
  for (const Field& field : layout(request)) {
    share.fields.emplace_back(words_of(field, party), Unfilled{});
    if (is_public(field)) share.fields.back().disclose();
  }
  return share;
}

CorrelationShare empty_share(const CorrelationRequest& request, int party) {
  CorrelationShare share = unfilled_share(request, party);
  for (SecretWords& field : share.fields) std::fill(field.begin(), field.end(), 0);
  return share;
}

}  // namespace hush::mpc
