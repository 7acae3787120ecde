#include "apps/replace/sweep.h"

#include "apps/common/metrics.h"
#include "apps/replace/run.h"

namespace hush::apps {
namespace {

std::filesystem::path path_in_sweep(const AutorepOptions& o) {
  const std::filesystem::path folder =
      o.out.empty()
          ? fmt::format("runs/sweep-{}-{}", o.dataset.name, o.model.empty() ? "resnet20" : o.model)
          : o.out;
  return folder / fmt::format("{}-th{}-mu{}-seed{}.safetensors", o.label(),
                              o.replacement.mask.threshold, o.replacement.mask.penalty,
                              o.replacement.seed);
}

bool is_done(const std::filesystem::path& path) {
  const std::filesystem::path metrics = std::filesystem::path(path).replace_extension(".jsonl");
  if (!std::filesystem::exists(metrics) || !std::filesystem::exists(path)) return false;
  const std::vector<Json> lines = read_json_lines(metrics);
  return !lines.empty() && lines.back().contains("result");
}

}  // namespace

bool run_sweep(const std::vector<AutorepOptions>& runs) {
  std::size_t number = 0, failed = 0;
  for (const AutorepOptions& options : runs) {
    const std::filesystem::path path = path_in_sweep(options);
    ++number;
    prepare_folder(path);
    if (!options.overwrite && is_done(path)) {
      fmt::print("run {} of {}: {} is done\n", number, runs.size(), path.string());
      continue;
    }
    AutorepOptions run = options;
    run.resume = !options.overwrite && std::filesystem::exists(nn::state_path(path));
    run.score_start = number == 1;  // all start from one network
    fmt::print("run {} of {}: {}\n", number, runs.size(), path.string());
    try {
      if (run_autorep(run, path) == RunEnding::stopped) return false;
    } catch (const Error& error) {  // a polynomial that diverges is a finding, not the end
      fmt::print(stderr, "run {} of {} failed: {}\n", number, runs.size(), error.what());
      ++failed;
    }
  }
  if (failed > 0)
    throw Error(
        fmt::format("{} of {} runs failed; the messages above say why", failed, runs.size()));
  return true;
}

}  // namespace hush::apps
