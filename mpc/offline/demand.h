// What a computation will ask of its correlation source, in order: known from the graph alone, so
// that the offline phase can run before there is an input.
#pragma once

#include <string>
#include <vector>

#include "mpc/offline/correlation.h"

namespace hush::mpc {

class Demand {
 public:
  // Requests of nothing (count 0) are left out.
  void add(const CorrelationRequest& request);
  void add(const Demand& other);

  const std::vector<CorrelationRequest>& requests() const { return requests_; }
  // One request a line; both parties and the provider compare its digest.
  std::string text() const;
  // Memory that one party's shares take.
  std::uint64_t share_bytes(int party) const;
  // What a dealer sends to `party`, the seed included.
  std::uint64_t dealt_bytes(int party) const;

 private:
  std::vector<CorrelationRequest> requests_;
};

}  // namespace hush::mpc
