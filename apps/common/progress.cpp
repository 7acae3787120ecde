#include "apps/common/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/common/quiet.h"

namespace hush::apps {

std::string duration_text(double seconds) {
  const auto whole = std::lround(std::clamp(seconds, 0.0, 1e9));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

Progress::Progress(std::string what, std::string unit, double total)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), terminal_(isatty(2) == 1) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void Progress::update(double done, const std::string& note) {
  if (is_quiet()) return;
  const auto now = Clock::now();
  if (first_ < 0) {  // what was done before the first call says nothing about the rate
    first_ = done;
    start_ = shown_ = now;
    return;
  }
  const double interval = terminal_ ? 0.2 : 30;
  if (std::chrono::duration<double>(now - shown_).count() < interval) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = (done - first_) / std::max(seconds, 1e-9);
  const std::string left = rate > 0 ? duration_text((total_ - done) / rate) : "unknown time";
  const std::string line = fmt::format("{}  {:3.0f} %  {:.0f} {}/s  {} left  {}", what_,
                                       100 * done / std::max(total_, 1.0), rate, unit_, left, note);
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ ? "" : "\n");
  std::fflush(stderr);
  drawn_ = terminal_;
}

}  // namespace hush::apps
