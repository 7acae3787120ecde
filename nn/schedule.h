// Learning-rate schedules. The rate is a function of the step alone, so that a resumed run needs
// no other state.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace hush::nn {

enum class ScheduleKind : std::uint8_t { constant, cosine, step };

// "constant", "cosine" or "step"; throws ArgumentError for anything else.
ScheduleKind parse_schedule_kind(std::string_view name);

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::cosine;
  double learning_rate = 0.1;
  // cosine: the rate that it comes down to after the last step.
  double final_learning_rate = 0;
  // step: the rate is multiplied by gamma at each of these epochs.
  std::vector<std::int64_t> milestones = {};
  double gamma = 0.1;
  // The rate rises linearly over this many steps before the schedule proper begins.
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;
  std::int64_t steps_per_epoch = 1;
  // The rate changes only between epochs, as PyTorch programs customarily have it.
  bool per_epoch = false;
};

// The rate of step `step`, counted from 0. Cosine: Loshchilov and Hutter, "SGDR", ICLR 2017,
// equation 5 without restarts. Throws ArgumentError for options that make no sense.
double learning_rate_at(const ScheduleOptions& options, std::int64_t step);

}  // namespace hush::nn
