#include "apps/common/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>

#include "core/backend.h"
#include "core/revision.h"
#include "core/thread_pool.h"
#include "nn/atomic_file.h"

namespace hush::apps {

double peak_memory_mib() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return double(use.ru_maxrss) / 1024;  // Linux counts KiB
}

void prepare_folder(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || ::access(folder.c_str(), W_OK) != 0)
    throw FileError(fmt::format("{}: cannot write there{}; choose another --out", folder.string(),
                                error ? ": " + error.message() : ""));
}

Json run_facts(const std::string& program, const nn::ModelInfo& info, Device device) {
  Json options = Json::object();
  for (const auto& [name, value] : info.options) options[name] = value;
  return {{"run", program},
          {"revision", std::string(git_revision())},
          {"model", info.model},
          {"dataset", info.dataset},
          {"options", options},
          {"device", device.text()},
          {"hardware", backend(device).description()},
          {"threads", thread_count()}};
}

Metrics::Metrics(const MetricsOptions& options)
    : options_(options), path_(std::filesystem::path(options.beside).replace_extension(".jsonl")) {
  if (!options_.json.empty()) second_ = std::make_unique<JsonLines>(options_.json);
}

void Metrics::begin(const Json& facts, std::int64_t epochs_done, const std::string& text) {
  std::string kept;
  if (epochs_done > 0 && std::filesystem::exists(path_)) {
    const JsonLines cuts_off_half_a_line(path_);
    for (const Json& line : read_json_lines(path_))
      if (line.value("epoch", std::int64_t{0}) <= epochs_done) kept += line.dump() + "\n";
  }
  const std::array parts{std::as_bytes(std::span(kept))};
  nn::write_file_atomically(path_, parts);
  file_ = std::make_unique<JsonLines>(path_);
  file_->append(facts);
  if (second_) second_->append(facts);
  show(facts, text);
}

void Metrics::step(const Json& line, const std::string& text) {
  if (second_) second_->append(line);
  show(line, text);
}

void Metrics::epoch(const Json& line, const std::string& text) {
  file_->append(line);
  if (second_) second_->append(line);
  show(line, text);
}

void Metrics::say(const std::string& text) const {
  fmt::print(options_.json_to_stdout ? stderr : stdout, "{}\n", text);
  std::fflush(stdout);
}

void Metrics::show(const Json& line, const std::string& text) const {
  fmt::print("{}\n", options_.json_to_stdout ? line.dump() : text);
  std::fflush(stdout);
}

}  // namespace hush::apps
