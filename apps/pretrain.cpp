// Trains a network in the open: ./apps/pretrain --dataset cifar10
#include "apps/common/interrupt.h"
#include "apps/common/quiet.h"
#include "apps/common/rank_program.h"
#include "apps/presets/presets.h"
#include "apps/training/run.h"
#include "core/thread_pool.h"
#include "parallel/places.h"

namespace hush::apps {
namespace {

int run(int argc, char** argv, Communicator& ranks) {
  PresetArguments arguments("pretrain", argc, argv);
  if (!arguments.listing().empty()) {
    if (!is_quiet()) fmt::print("{}", arguments.listing());
    return 0;
  }
  CLI::App app(
      "Trains a network on real images. Writes a safetensors file that evaluate, predict "
      "and inspect read, its training state and its metrics (JSON lines) beside it. Started by "
      "mpirun -n N, N processes share each batch (docs/training.md).");
  TrainingOptions options;
  options.add_to(app);
  PresetArguments::describe(app);
  if (!parse(app, arguments.argc(), arguments.argv())) return 0;
  options.print_json = app.count("--json") > 0 && options.json.empty();
  catch_interrupts();
  require(options.ranks == 1 || ranks.size() == 1,
          "--ranks {} is for one process, and a launcher started {}", options.ranks, ranks.size());
  if (options.ranks > 1) return train_in_threads(options);
  const int threads = parallel::find_place(ranks).threads;  // asked by all, whatever their options
  if (ranks.size() > 1 && options.device.threads == 0) set_thread_count(threads);
  return train(options, ranks);
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  using namespace hush::apps;
  return run_main("pretrain", [&] {
    return run_ranks("pretrain", [&](hush::Communicator& ranks) { return run(argc, argv, ranks); });
  });
}
