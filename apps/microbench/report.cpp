#include "apps/microbench/report.h"

#include <fmt/format.h>

#include <cstdio>

namespace hush::apps {
namespace {

struct Quoted {
  std::size_t count;
  double relu, square;  // seconds; the better end where a range was measured
};
constexpr Quoted kCrypten[] = {{1'000, 15e-3, 1.4e-3},
                               {12'900, 24e-3, 1.9e-3},
                               {100'000, 99e-3, 5.2e-3},
                               {491'520, 414e-3, 19.2e-3}};

const Quoted* crypten(std::size_t count) {
  for (const Quoted& quoted : kCrypten)
    if (count >= quoted.count * 9 / 10 && count <= quoted.count * 11 / 10) return &quoted;
  return nullptr;
}

std::string time_text(double seconds) {
  return seconds < 1 ? fmt::format("{:.2f} ms", 1e3 * seconds) : fmt::format("{:.2f} s", seconds);
}

std::string size_text(double bytes) {
  if (bytes < 1e4) return fmt::format("{:.0f} B", bytes);
  return bytes < 1e8 ? fmt::format("{:.2f} MB", bytes / 1e6)
                     : fmt::format("{:.2f} GB", bytes / 1e9);
}

}  // namespace

std::optional<double> crypten_relu(std::size_t count) {
  const Quoted* quoted = crypten(count);
  return quoted != nullptr ? std::optional(quoted->relu) : std::nullopt;
}

std::optional<double> crypten_square(std::size_t count) {
  const Quoted* quoted = crypten(count);
  return quoted != nullptr ? std::optional(quoted->square) : std::nullopt;
}

Report::Report(const std::string& json, const Json& facts) {
  if (json.empty()) return;
  file_ = std::make_unique<JsonLines>(json);
  file_->append(facts);
}

void Report::heading(const std::string& text) const {
  fmt::print("\n{}\n{:<26}{:>11}{:>12}{:>7}{:>11}{:>11}  {}\n", text, "", "best", "rate /s",
             "rounds", "B/elem", "ns CPU", "offline | quoted");
}

void Report::row(const Row& row) {
  std::string notes;
  if (!row.offline.empty())
    notes = fmt::format("{} {} {}", row.offline, time_text(row.offline_seconds),
                        size_text(row.offline_bytes));
  if (row.quoted) {
    const double factor = *row.quoted / row.seconds;
    notes += fmt::format(" | {} {}, {:.1f}x", row.quoted_from, time_text(*row.quoted), factor);
  }
  fmt::print("{:<26}{:>11}{:>12}{:>7}{:>11.2f}{:>11.1f}  {}\n", row.name, time_text(row.seconds),
             fmt::format("{:.3g} M", row.count / row.seconds / 1e6), row.rounds,
             row.bytes / row.count, 1e9 * row.cpu / row.count, notes);
  std::fflush(stdout);
  if (!file_) return;
  Json line = {{"group", row.group},     {"name", row.name},       {"count", row.count},
               {"unit", row.unit},       {"seconds", row.seconds}, {"median_seconds", row.median},
               {"cpu_seconds", row.cpu}, {"rounds", row.rounds},   {"bytes_a_party", row.bytes}};
  if (!row.offline.empty())
    line.update({{"offline", row.offline},
                 {"offline_seconds", row.offline_seconds},
                 {"offline_bytes", row.offline_bytes}});
  if (row.quoted) line.update({{"quoted_seconds", *row.quoted}, {"quoted_from", row.quoted_from}});
  file_->append(line);
}

void Report::skipped(const std::string& group, const std::string& name, const std::string& why) {
  fmt::print("{:<26}  not run: {}\n", name, why);
  std::fflush(stdout);
  if (file_) file_->append({{"group", group}, {"name", name}, {"not_run", why}});
}

}  // namespace hush::apps
