// What the microbenchmark tells: one line a row, the same as JSON, and beside it what others
// published or what we measured of them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/common/json_lines.h"

namespace hush::apps {

struct Row {
  std::string group;   // "ot", "triples", "relu", …
  std::string name;    // "carry, 100000"
  double count = 0;    // units of work
  std::string unit;    // "OT", "ReLU", …
  double seconds = 0;  // online, or of the work itself; the best of the repetitions
  double median = 0;
  double cpu = 0;  // of party 0 and its peer together
  std::uint64_t rounds = 0;
  double bytes = 0;              // sent by each party, on average
  std::string offline = {};      // the provider
  double offline_seconds = 0;    // one run
  double offline_bytes = 0;      // by everybody
  std::optional<double> quoted;  // seconds (rates for OT: transfers a second)
  std::string quoted_from = {};
};

class Report {
 public:
  // `json` may be empty. Throws FileError.
  Report(const std::string& json, const Json& facts);
  void heading(const std::string& text) const;
  void row(const Row& row);
  // A row that was not run, and why.
  void skipped(const std::string& group, const std::string& name, const std::string& why);

 private:
  std::unique_ptr<JsonLines> file_;
};

// CrypTen 0.4.0 in seconds, if there is a figure near this count: measured by us on another machine
// of this kind (2 processes, one thread each, its default provider).
std::optional<double> crypten_relu(std::size_t count);
std::optional<double> crypten_square(std::size_t count);

}  // namespace hush::apps
