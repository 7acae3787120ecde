// What a benchmark tells of the range of fixed point.
#pragma once

#include "apps/common/json_lines.h"
#include "apps/secure_bench/roles.h"

namespace hush::apps {

// One line: how near the values of these images come to the end of the range, and what to do where
// they go beyond. With what --check-range brought, a line for each step.
void print_ranges(const mpc::SecureNetwork& network, const mpc::RangeRecord& clear,
                  const std::vector<StepAgreement>& on_shares);
Json ranges_json(const mpc::RangeRecord& clear, const std::vector<StepAgreement>& on_shares);

}  // namespace hush::apps
