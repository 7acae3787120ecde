// Replacement runs as their metrics files tell of them.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace hush::apps {

struct EpochRecord {
  int epoch = 0;
  std::int64_t relus = 0, flips = 0;
  double accuracy = -1;  // on the test images; negative if not scored
  std::vector<std::int64_t> by_layer;
};

struct RunRecord {
  std::filesystem::path file;
  std::string model, dataset, method, polynomial, threshold, penalty, seed;
  std::string images = "all";  // how many training images an epoch has
  std::int64_t budget = 0, total = 0, planned_epochs = 0;
  double start_accuracy = 0;
  std::vector<std::string> layers;
  std::vector<std::int64_t> layer_relus;              // before replacement
  std::vector<std::vector<double>> polynomial_error;  // by layer, in the order of kPolynomials
  std::vector<EpochRecord> epochs;
  bool finished = false;

  // Of the last epoch; negative if unknown.
  double accuracy() const { return epochs.empty() ? -1 : epochs.back().accuracy; }
};

inline constexpr std::array kPolynomials{"dapa2", "dapa1", "identity", "square", "square+x"};

// The .jsonl files of a folder and all below it, sorted; or the file itself. Throws FileError for a
// path that does not exist.
std::vector<std::filesystem::path> metrics_files(const std::filesystem::path& place);

// The runs of ./apps/autorep below these folders (or of these files), in the order of their paths;
// other metrics files are passed over. Throws FileError for a path that does not exist or a file
// that is not JSON lines.
std::vector<RunRecord> read_runs(const std::vector<std::filesystem::path>& places);

}  // namespace hush::apps
