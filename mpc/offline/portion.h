// Requests in portions: what a dealer makes, sends and forgets at a time. So its memory, and the
// time between two of its messages, are bounded whatever the size of a batch.
#pragma once

#include <vector>

#include "mpc/offline/correlation.h"

namespace hush::mpc {

// Elements (words, for the bit kinds) of a portion. A multiple of the 64 bits of a word and of the
// strips of comparison keys, so that the fields of portions follow each other without gaps.
inline constexpr std::size_t kPortion = 8192;

// A part of a request that is a request of its own, apart from fields that are announced once.
struct Portion {
  CorrelationRequest request;
  std::vector<Field> fields;         // layout(request)
  std::vector<std::size_t> offsets;  // of the fields' words in those of the whole request
  bool first;

  // Whether a dealer sends field `i` to `party`.
  bool deals(std::size_t i, int party) const;
  // Whether it sends any.
  bool deals_anything(int party) const;
};

// In order. Products and weight masks are one portion whatever their size.
std::vector<Portion> portions_of(const CorrelationRequest& request);

}  // namespace hush::mpc
