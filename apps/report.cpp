// Makes a page with plots from the metrics of replacement runs and the reports of private
// inference: ./apps/report runs
#include <array>

#include "apps/common/command_line.h"
#include "apps/common/metrics.h"
#include "apps/plots/figures.h"
#include "apps/plots/latency_record.h"
#include "nn/atomic_file.h"

namespace hush::apps {
namespace {

struct Options {
  std::vector<std::filesystem::path> places = {"runs"};
  std::filesystem::path out = "runs/report";
};

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  return result;
}

std::string cell(const std::string& text) {
  return "<td>" + escaped(text) + "</td>";
}

std::string table_of(const std::vector<RunRecord>& runs) {
  std::string html =
      "<table><tr><th>dataset</th><th>model</th><th>method</th><th>polynomial</th><th>budget</th>"
      "<th>ReLUs</th><th>t_h</th><th>mu</th><th>seed</th><th>epochs</th><th>flips</th>"
      "<th>before (%)</th><th>after (%)</th><th>file</th></tr>\n";
  for (const RunRecord& run : runs) {
    std::int64_t flips = 0;
    for (const EpochRecord& epoch : run.epochs) flips += epoch.flips;
    const std::int64_t relus = run.epochs.empty() ? run.total : run.epochs.back().relus;
    html += "<tr>" + cell(run.dataset) + cell(run.model) + cell(run.method) + cell(run.polynomial) +
            cell(std::to_string(run.budget)) + cell(std::to_string(relus)) + cell(run.threshold) +
            cell(run.penalty) + cell(run.seed) +
            cell(fmt::format("{} of {}", run.epochs.size(), run.planned_epochs)) +
            cell(std::to_string(flips)) +
            cell(run.start_accuracy > 0 ? fmt::format("{:.2f}", 100 * run.start_accuracy) : "-") +
            cell(run.accuracy() >= 0 ? fmt::format("{:.2f}", 100 * run.accuracy()) : "-") +
            cell(run.file.string()) + "</tr>\n";
  }
  return html + "</table>\n";
}

std::string table_of(const std::vector<LatencyRecord>& records) {
  std::string html =
      "<table><tr><th>model</th><th>ReLUs</th><th>protocol</th><th>batch</th><th>network</th>"
      "<th>online (ms)</th><th>rounds</th><th>MB a party</th><th>offline (ms)</th></tr>\n";
  for (const LatencyRecord& r : records)
    html += "<tr>" + cell(r.model) + cell(std::to_string(r.relus)) + cell(r.options) +
            cell(std::to_string(r.batch)) + cell(r.net) +
            cell(fmt::format("{:.1f}", 1e3 * r.online)) + cell(std::to_string(r.rounds)) +
            cell(fmt::format("{:.2f}", r.bytes / 1e6)) +
            cell(fmt::format("{:.1f}", 1e3 * r.offline)) + "</tr>\n";
  return html + "</table>\n";
}

std::string page(const std::vector<RunRecord>& runs, const std::vector<LatencyRecord>& latencies,
                 const std::vector<Plot>& plots) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>ReLU replacement</title>\n"
      "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
      "td,th{border:1px solid #bbb;padding:.2em .5em;text-align:right}img{display:block}</style>\n"
      "<h1>ReLU replacement</h1>\n";
  if (!runs.empty()) html += table_of(runs);
  if (!latencies.empty()) html += "<h1>Private inference</h1>\n" + table_of(latencies);
  for (const Plot& plot : plots)
    html += fmt::format(
        "<h2>{}</h2>\n<img src=\"{}.svg\" alt=\"{}\">\n<p><a href=\"{}.png\">PNG"
        "</a>, <a href=\"{}.gp\">gnuplot script with the data</a></p>\n",
        escaped(plot.title), plot.name, escaped(plot.title), plot.name, plot.name);
  return html + "</html>\n";
}

int run(int argc, char** argv) {
  CLI::App app(
      "Reads the metrics of replacement runs (JSON lines that ./apps/autorep writes) and the "
      "reports "
      "of ./apps/pi_bench --json, and makes an HTML page with tables and SVG and PNG plots.");
  Options o;
  app.add_option("places", o.places, "folders, searched with all below them, or .jsonl files")
      ->capture_default_str();
  app.add_option("--out", o.out, "the folder for index.html and the plots")->capture_default_str();
  if (!parse(app, argc, argv)) return 0;
  require_gnuplot();
  const std::vector<RunRecord> runs = read_runs(o.places);
  const std::vector<LatencyRecord> latencies = read_latencies(o.places);
  require(
      !runs.empty() || !latencies.empty(),
      "no metrics of replacement runs or private inference in {}; make some with ./apps/autorep "
      "or ./apps/pi_bench --parties 2 --json FILE",
      o.places.front().string());
  prepare_folder(o.out / "index.html");
  std::vector<Plot> plots = make_figures(runs);
  for (Plot& plot : make_latency_figures(latencies)) plots.push_back(std::move(plot));
  for (const Plot& plot : plots) draw(plot, o.out);
  const std::string html = page(runs, latencies, plots);
  const std::array parts{std::as_bytes(std::span(html))};
  nn::write_file_atomically(o.out / "index.html", parts);
  fmt::print("wrote {} with {} runs and {} plots\n", (o.out / "index.html").string(),
             runs.size() + latencies.size(), plots.size());
  return 0;
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("report", [&] { return hush::apps::run(argc, argv); });
}
