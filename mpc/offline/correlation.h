// Correlated randomness: what the two parties need besides their inputs, made before the query.
//
// A *request* says kind and size. A *layout* lists the fields of its answer, each an array of ring
// elements or packed bits, and where each party's part comes from. Providers (dealer, oblivious
// transfer) fill fields; protocols use the typed views of correlations.h; a store may keep them
// without knowing what they mean. Adding a kind: one enumerator, its layout (correlation.cpp), its
// defining equation for the dealer (derive.cpp), its view, one line in the conformance test.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/op.h"
#include "mpc/ot/secret_array.h"

namespace hush::mpc {

using SecretWords = SecretArray<Ring>;

// For files.
inline std::span<const std::byte> bytes_of(const SecretWords& words) {
  return std::as_bytes(std::span(words.data(), words.size()));
}
inline std::span<std::byte> bytes_of(SecretWords& words) {
  return std::as_writable_bytes(std::span(words.data(), words.size()));
}

enum class CorrelationKind : std::uint8_t {
  square_pairs,
  product,
  weight_mask,
  cross_ands,
  and_triples,
  carry_groups,
  bit_pairs,
  selections,
  truncations,
  truncated_squares,
  comparisons,
};

// Who knows the operands of a product. `party0_weights`: party 0 knows b alone and party 1 knows a
// alone, for weights that party 0 holds in plaintext.
enum class Ownership : std::uint8_t { shared, party0_weights };

// What the key of a distributed comparison function yields.
enum class ComparisonOutput : std::uint8_t {
  bit,      // shares of the bit x >= 0
  select,   // the bit, and what one more round needs to select x by it
  product,  // x · (x >= 0) at once
};

// Plain data; fields that a kind does not use keep their defaults. Made by the `request` functions
// of correlations.h.
struct CorrelationRequest {
  CorrelationKind kind{};
  std::uint64_t count = 0;  // elements; packed words of 64 bits for the bit kinds
  unsigned shift = 0;       // bits that a fused truncation drops; 0 is none
  unsigned width = 64;      // comparisons: bits of x >> shift that are compared
  unsigned arity = 0;       // carry groups: how many carries join into one
  bool propagate = false;   // carry groups: whether the group's own propagate bit is wanted
  ComparisonOutput output = ComparisonOutput::bit;
  Ownership ownership = Ownership::shared;
  std::uint64_t mask = 0;  // which weight mask: its own number, or that of a product's b; 0: fresh
  std::shared_ptr<const Op> op;  // products
  Shape x, w;                    // products: shapes of the operands; weight masks: w

  // Canonical; equal requests have equal texts, on both parties and every machine.
  std::string text() const;
};

// Where the parties' parts of a field come from.
enum class FieldSource : std::uint8_t {
  seeded,     // each party draws its part: the value is their sum (or exclusive or), uniform
  by_party0,  // party 0 draws the value, party 1's part is empty
  by_party1,
  additive,   // party 0 draws its part, party 1's completes a sum that depends on other fields
  exclusive,  // the same with exclusive or
  common,     // both hold the same public words
  announced,  // the same, drawn at random once for a whole request
};

struct Field {
  const char* name;
  std::size_t words;
  FieldSource source;
};

std::vector<Field> layout(const CorrelationRequest& request);

// Whether a field is public, so that both parties hold the same words.
inline bool is_public(const Field& field) {
  return field.source == FieldSource::common || field.source == FieldSource::announced;
}

// How many words `party` holds of `field`.
std::size_t words_of(const Field& field, int party);

// One party's part of the answer to a request.
struct CorrelationShare {
  std::vector<SecretWords> fields;  // in the order of the layout

  CorrelationShare() = default;
  CorrelationShare(const CorrelationShare&) = delete;
  CorrelationShare& operator=(const CorrelationShare&) = delete;
  CorrelationShare(CorrelationShare&&) = default;
  CorrelationShare& operator=(CorrelationShare&&) = default;
  ~CorrelationShare() = default;
};

// Whether a dealer has to send `party` its part of `field`; the rest grows from the party's seed.
bool is_dealt(const Field& field, int party);

// Memory for a share of `request`, all zero; or not yet filled.
CorrelationShare empty_share(const CorrelationRequest& request, int party);
CorrelationShare unfilled_share(const CorrelationRequest& request, int party);

}  // namespace hush::mpc
