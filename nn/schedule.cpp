#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace hush::nn {

ScheduleKind parse_schedule_kind(std::string_view name) {
  if (name == "constant") return ScheduleKind::constant;
  if (name == "cosine") return ScheduleKind::cosine;
  require(name == "step", "no schedule '{}'; there are constant, cosine and step", name);
  return ScheduleKind::step;
}

double learning_rate_at(const ScheduleOptions& options, std::int64_t step) {
  require(options.total_steps > 0 && options.steps_per_epoch > 0 && options.warmup_steps >= 0 &&
              step >= 0,
          "schedule: step {} of {}, {} of them warm-up, {} an epoch", step, options.total_steps,
          options.warmup_steps, options.steps_per_epoch);
  // All counts in units of which the rate is constant.
  const std::int64_t unit = options.per_epoch ? options.steps_per_epoch : 1;
  const auto units = [&](std::int64_t steps) { return (steps + unit - 1) / unit; };
  const std::int64_t now = step / unit;
  const std::int64_t warmup = units(options.warmup_steps);
  const double rate = options.learning_rate;
  if (now < warmup) return rate * double(now + 1) / double(warmup + 1);

  switch (options.kind) {
    case ScheduleKind::constant:
      return rate;
    case ScheduleKind::cosine: {
      const std::int64_t length = std::max<std::int64_t>(units(options.total_steps) - warmup, 1);
      const double progress = std::min(double(now - warmup) / double(length), 1.0);
      const double weight = 0.5 * (1 + std::cos(std::numbers::pi * progress));
      return options.final_learning_rate + (rate - options.final_learning_rate) * weight;
    }
    case ScheduleKind::step: {
      const std::int64_t epoch = step / options.steps_per_epoch;
      const auto passed = std::ranges::count_if(
          options.milestones, [&](std::int64_t milestone) { return milestone <= epoch; });
      return rate * std::pow(options.gamma, double(passed));
    }
  }
  return rate;
}

}  // namespace hush::nn
