// What steps work on, shares against the clear: the debug mode --check-range.
#pragma once

#include "apps/secure_bench/roles.h"

namespace hush::apps {

// The client's side. Both parties send their share of the first input of every step that has a
// limit, in the order of the plan, after each query: the client, who owns weights and images,
// learns nothing new.
class StepInspection {
 public:
  explicit StepInspection(const mpc::SecureNetwork& network);

  // One query's shares.
  void receive(const std::array<mpc::Channel*, 2>& parties, const Tensor& images);
  std::vector<StepAgreement> take() { return std::move(steps_); }

 private:
  const mpc::SecureNetwork& network_;
  mpc::RangeRecord record_;
  std::vector<StepAgreement> steps_;
};

}  // namespace hush::apps
