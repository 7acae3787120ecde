// What a run tells: lines for people on standard output, JSON lines beside its model file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "apps/common/json_lines.h"
#include "core/device.h"
#include "nn/checkpoint.h"

namespace hush::apps {

// The most memory that this process has held, in MiB.
double peak_memory_mib();

// Makes the folder that `file` will stand in. Throws FileError if it cannot be made or not be
// written to: better now than after an hour of work.
void prepare_folder(const std::filesystem::path& file);

// What every report says of the run: program, options, seed, device, threads, revision.
Json run_facts(const std::string& program, const nn::ModelInfo& info, Device device);

struct MetricsOptions {
  std::filesystem::path beside;  // the model file: metrics go to the same name with .jsonl
  std::string json;              // a second file for the same lines; empty: none
  bool json_to_stdout = false;   // JSON instead of text on standard output
};

// Each line is shown at once, and lies on the disk before the call returns.
class Metrics {
 public:
  explicit Metrics(const MetricsOptions& options);

  // Begins a run, or continues one after `epochs_done` epochs: lines of later epochs, which a
  // killed run wrote and its state does not know, are dropped.
  void begin(const Json& facts, std::int64_t epochs_done, const std::string& text);
  // One line per step goes to standard output and --json only.
  void step(const Json& line, const std::string& text);
  void epoch(const Json& line, const std::string& text);
  // A line for people only.
  void say(const std::string& text) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  void show(const Json& line, const std::string& text) const;

  MetricsOptions options_;
  std::filesystem::path path_;
  std::unique_ptr<JsonLines> file_, second_;
};

}  // namespace hush::apps
