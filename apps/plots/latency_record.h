// Networks on shares as the reports of ./apps/pi_bench --parties 2 tell of them, and their figures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/plots/gnuplot.h"

namespace hush::apps {

// One network (of computers) of one report.
struct LatencyRecord {
  std::string model, options, net;
  std::int64_t relus = 0, batch = 1;
  double online = 0, offline = 0;  // median seconds of a query
  std::int64_t rounds = 0;
  double bytes = 0;  // sent by a party
};

// The reports below these folders (or in these files), in the order of their paths; other lines are
// passed over. Throws FileError for a path that does not exist or a file that is not JSON lines.
std::vector<LatencyRecord> read_latencies(const std::vector<std::filesystem::path>& places);

// For each network of computers: latency against ReLUs at batch 1, a curve for each model and
// protocol, with the published points.
std::vector<Plot> make_latency_figures(const std::vector<LatencyRecord>& records);

}  // namespace hush::apps
