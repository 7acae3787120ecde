// Replaces ReLUs by polynomials under a budget: ./apps/autorep --th 0.003 --budget 6000
#include <array>

#include "apps/common/interrupt.h"
#include "apps/common/metrics.h"
#include "apps/common/rank_program.h"
#include "apps/presets/presets.h"
#include "apps/replace/run.h"
#include "apps/replace/sweep.h"

namespace hush::apps {
namespace {

constexpr int kInterrupted = 130;  // as a shell has it

int run_one(const AutorepOptions& options) {
  const std::filesystem::path path = autorep_path(options), state = nn::state_path(path);
  const bool exists = std::filesystem::exists(path) || std::filesystem::exists(state);
  require(!options.resume || std::filesystem::exists(state),
          "{}: nothing to resume; leave --resume out to begin", state.string());
  require(options.resume || options.overwrite || !exists,
          "{} exists: continue it with --resume, begin anew with --overwrite, or choose another "
          "--out",
          (std::filesystem::exists(path) ? path : state).string());
  prepare_folder(path);
  if (options.overwrite && !options.resume)
    for (const auto& old : std::array{path, state}) std::filesystem::remove(old);
  return run_autorep(options, path) == RunEnding::stopped ? kInterrupted : 0;
}

int run(int argc, char** argv) {
  require_one_process("autorep");
  PresetArguments arguments("autorep", argc, argv);
  if (!arguments.listing().empty()) return fmt::print("{}", arguments.listing()), 0;
  CLI::App app(
      "Replaces the ReLUs of a trained network by polynomials, all but a budget, and trains it on. "
      "The model file never holds more ReLUs than the budget; it is written once that is reached, "
      "late in training. evaluate, predict and inspect read it.");
  AutorepRequest request;
  request.add_to(app);
  PresetArguments::describe(app);
  if (!parse(app, arguments.argc(), arguments.argv())) return 0;
  request.common.print_json = app.count("--json") > 0 && request.common.json.empty();
  catch_interrupts();
  const std::vector<AutorepOptions> runs = request.runs();
  if (request.sweep) return run_sweep(runs) ? 0 : kInterrupted;
  return run_one(runs.front());
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("autorep", [&] { return hush::apps::run(argc, argv); });
}
