// The conformance suite of correlation providers: every provider's output must satisfy the defining
// equation of every kind (mpc/offline/correlations.h), checked here by definition and not with
// the provider's own code. A provider joins with one line in a test file of its own:
//   INSTANTIATE_TEST_SUITE_P(MyProvider, CorrelationConformance, testing::Values(my_provider));
// and one more for ComparisonConformance if it makes keys of comparison functions.
#pragma once

#include <gtest/gtest.h>

#include "tests/mpc/two_party.h"

namespace hush::mpc::test {

// Fills both parties' sources with what `demand` asks for. `label` varies the randomness.
using Provider = void (*)(const Demand& demand, std::uint64_t label, Sources& sources);

class CorrelationConformance : public testing::TestWithParam<Provider> {
 protected:
  // Both shares of one piece.
  std::array<CorrelationShare, 2> provide(const CorrelationRequest& request) {
    Demand demand;
    demand.add(request);
    return std::move(provide_all(demand)[0]);
  }
  // Both shares of every piece, in order.
  std::vector<std::array<CorrelationShare, 2>> provide_all(const Demand& demand) {
    Sources sources;
    GetParam()(demand, ++label_, sources);
    std::vector<std::array<CorrelationShare, 2>> pieces;
    for (const CorrelationRequest& request : demand.requests()) {
      pieces.push_back({sources[0].take(request), sources[1].take(request)});
      EXPECT_THROW(sources[0].take(with_other_count(request)), CorrelationsExhausted);
    }
    for (const MemorySource& source : sources) EXPECT_EQ(source.size(), 0u);
    return pieces;
  }

 private:
  static CorrelationRequest with_other_count(CorrelationRequest request) {
    ++request.count;
    return request;
  }
  std::uint64_t label_ = 0;
};

class ComparisonConformance : public CorrelationConformance {};

}  // namespace hush::mpc::test
