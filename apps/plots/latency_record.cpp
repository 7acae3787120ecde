#include "apps/plots/latency_record.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "apps/common/json_lines.h"
#include "apps/plots/run_record.h"
#include "core/error.h"

namespace hush::apps {
namespace {

using Points = std::vector<std::pair<double, double>>;

struct PublishedLatency {
  const char* model;
  double kilo_relus, seconds;
};
// Peng et al., "AutoReP", ICCV 2023, Table 4: 32 × 32 images, two GPU servers in a LAN.
constexpr std::array kPublished{
    PublishedLatency{"resnet18", 6, 0.155},   PublishedLatency{"resnet18", 12.9, 0.170},
    PublishedLatency{"resnet18", 50, 0.252},  PublishedLatency{"resnet18", 491.52, 1.242},
    PublishedLatency{"wrn-22-8", 120, 0.550}, PublishedLatency{"wrn-22-8", 150, 0.614},
    PublishedLatency{"wrn-22-8", 180, 0.679}, PublishedLatency{"wrn-22-8", 1359.872, 3.230}};

void read_report(const Json& line, std::vector<LatencyRecord>& records) {
  LatencyRecord record;
  record.model = line.value("model", "");
  record.options = line.value("options", "");
  record.relus = line.value("relus", std::int64_t{0});
  record.batch = line.value("batch", std::int64_t{1});
  record.offline = line.value("offline_seconds", 0.0);
  for (const Json& network : line.at("networks")) {
    record.net = network.value("name", "");
    record.online = network.value("online_median", 0.0);
    record.rounds = network.value("rounds", std::int64_t{0});
    record.bytes = network.value("bytes_party0", 0.0);
    records.push_back(record);
  }
}

// "weights shared relu dcf range 14 …" up to what names a protocol.
std::string protocol_of(const LatencyRecord& record) {
  return record.options.substr(0, record.options.find(" range"));
}

// "20ms,500Mbit" as part of a file's name.
std::string file_name_of(std::string net) {
  std::ranges::replace_if(
      net, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  return net;
}

Plot latency_plot(const std::vector<LatencyRecord>& records, const std::string& net) {
  Plot plot{.name = "latency-" + file_name_of(net),
            .title = "Online latency against ReLUs, " + net,
            .x_label = "ReLUs (thousands)",
            .y_label = "milliseconds a query",
            .log_y = true};
  std::map<std::string, Points> ours;
  std::map<std::string, Points> published;
  for (const LatencyRecord& record : records) {
    if (record.net != net || record.batch != 1) continue;
    ours[record.model + ", " + protocol_of(record)].push_back(
        {double(record.relus) / 1000, 1e3 * record.online});
    Points& points = published[record.model + ", AutoReP, two GPU servers (published)"];
    points.clear();
    for (const PublishedLatency& point : kPublished)
      if (point.model == record.model) points.push_back({point.kilo_relus, 1e3 * point.seconds});
  }
  for (auto& [title, points] : ours) {
    std::ranges::sort(points);
    plot.series.push_back({title, points, points.size() > 1});
  }
  for (auto& [title, points] : published)
    if (!points.empty()) plot.series.push_back({title, points, true, true});
  return plot;
}

}  // namespace

std::vector<LatencyRecord> read_latencies(const std::vector<std::filesystem::path>& places) {
  std::vector<LatencyRecord> records;
  for (const std::filesystem::path& place : places)
    for (const std::filesystem::path& file : metrics_files(place)) {
      try {
        for (const Json& line : read_json_lines(file))
          if (line.value("program", "") == "pi_bench" && line.contains("networks"))
            read_report(line, records);
      } catch (const Json::exception& error) {
        throw FileError(
            fmt::format("{}: not reports of pi_bench: {}", file.string(), error.what()));
      }
    }
  return records;
}

std::vector<Plot> make_latency_figures(const std::vector<LatencyRecord>& records) {
  std::vector<Plot> plots;
  std::vector<std::string> nets;
  for (const LatencyRecord& record : records)
    if (record.batch == 1 && std::ranges::count(nets, record.net) == 0) nets.push_back(record.net);
  plots.reserve(nets.size());
  for (const std::string& net : nets) plots.push_back(latency_plot(records, net));
  return plots;
}

}  // namespace hush::apps
