#include "mpc/offline/correlation_source.h"

#include <utility>

namespace hush::mpc {

void throw_exhausted(const CorrelationRequest& request) {
  throw CorrelationsExhausted(
      fmt::format("correlations: none left for \"{}\"; add it to the demand of the offline phase",
                  request.text()));
}

void MemorySource::add(const CorrelationRequest& request, CorrelationShare share) {
  shares_[request.text()].push_back(std::move(share));
}

void MemorySource::add(MemorySource&& other) {
  for (auto& [text, shares] : other.shares_)
    for (CorrelationShare& share : shares) shares_[text].push_back(std::move(share));
  other.shares_.clear();
}

CorrelationShare MemorySource::take(const CorrelationRequest& request) {
  const auto found = shares_.find(request.text());
  if (found == shares_.end() || found->second.empty()) throw_exhausted(request);
  CorrelationShare share = std::move(found->second.front());
  found->second.pop_front();
  return share;
}

std::size_t MemorySource::size() const {
  std::size_t size = 0;
  for (const auto& entry : shares_) size += entry.second.size();
  return size;
}

}  // namespace hush::mpc
