#include "mpc/offline/demand.h"

#include "mpc/ot/block.h"

namespace hush::mpc {

void Demand::add(const CorrelationRequest& request) {
  if (request.count != 0) requests_.push_back(request);
}

void Demand::add(const Demand& other) {
  requests_.insert(requests_.end(), other.requests_.begin(), other.requests_.end());
}

std::string Demand::text() const {
  std::string text;
  for (const CorrelationRequest& request : requests_) text += request.text() + "\n";
  return text;
}

std::uint64_t Demand::share_bytes(int party) const {
  std::uint64_t words = 0;
  for (const CorrelationRequest& request : requests_)
    for (const Field& field : layout(request)) words += words_of(field, party);
  return words * sizeof(Ring);
}

std::uint64_t Demand::dealt_bytes(int party) const {
  std::uint64_t words = 0;
  for (const CorrelationRequest& request : requests_)
    for (const Field& field : layout(request))
      if (is_dealt(field, party)) words += field.words;
  return sizeof(Block) + words * sizeof(Ring);
}

}  // namespace hush::mpc
