#include "apps/plots/run_record.h"

#include <algorithm>

#include "apps/common/json_lines.h"
#include "core/error.h"

namespace hush::apps {
namespace {

void read_facts(const Json& line, RunRecord& run) {
  const Json options = line.value("options", Json::object());
  run.model = line.value("model", "");
  run.dataset = line.value("dataset", "");
  run.method = options.value("method", "");
  run.polynomial = options.value("poly", "");
  run.threshold = options.value("th", "");
  run.penalty = options.value("mu", "");
  run.seed = options.value("seed", "");
  run.images = options.value("images", "all");
  run.budget = std::stoll(options.value("budget", "0"));
  run.planned_epochs = std::stoll(options.value("epochs", "0"));
  run.total = line.value("total_relus", std::int64_t{0});
  run.start_accuracy = std::max(run.start_accuracy, line.value("start_accuracy", 0.0));
  run.layers.clear();
  run.layer_relus.clear();
  for (const Json& layer : line.value("layers", Json::array())) {
    run.layers.push_back(layer.value("layer", ""));
    run.layer_relus.push_back(layer.value("relus", std::int64_t{0}));
  }
}

void read_line(const Json& line, RunRecord& run) {
  if (line.contains("run")) {
    read_facts(line, run);
  } else if (line.contains("polynomials")) {
    run.polynomial_error.clear();
    for (const Json& layer : line["polynomials"]) {
      run.polynomial_error.emplace_back();
      for (const char* kind : kPolynomials)
        run.polynomial_error.back().push_back(layer.value(kind, 0.0));
    }
  } else if (line.contains("result")) {
    run.finished = true;
  } else if (line.contains("epoch")) {
    run.epochs.push_back({.epoch = line.value("epoch", 0),
                          .relus = line.value("relus", std::int64_t{0}),
                          .flips = line.value("flips", std::int64_t{0}),
                          .accuracy = line.value("test_accuracy", -1.0),
                          .by_layer = line.value("relus_by_layer", std::vector<std::int64_t>{})});
  }
}

}  // namespace

std::vector<std::filesystem::path> metrics_files(const std::filesystem::path& place) {
  if (!std::filesystem::exists(place))
    throw FileError(place.string() + ": there is no such file or folder");
  if (!std::filesystem::is_directory(place)) return {place};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::vector<RunRecord> read_runs(const std::vector<std::filesystem::path>& places) {
  std::vector<RunRecord> runs;
  for (const std::filesystem::path& place : places)
    for (const std::filesystem::path& file : metrics_files(place)) {
      const std::vector<Json> lines = read_json_lines(file);
      if (lines.empty() || lines.front().value("run", "") != "autorep") continue;
      RunRecord run;
      run.file = file;
      try {
        for (const Json& line : lines) read_line(line, run);
      } catch (const std::exception& error) {  // a number where text should be, and the like
        throw FileError(fmt::format("{}: not the metrics of a replacement run: {}", file.string(),
                                    error.what()));
      }
      runs.push_back(std::move(run));
    }
  return runs;
}

}  // namespace hush::apps
