#include "apps/training/run.h"

#include <chrono>
#include <cmath>

#include "apps/common/interrupt.h"
#include "apps/common/metrics.h"
#include "apps/common/progress.h"
#include "apps/common/quiet.h"
#include "core/backend.h"
#include "cuda/nccl_ranks.h"
#include "nn/models.h"
#include "parallel/places.h"
#include "parallel/thread_ranks.h"

namespace hush::apps {
namespace {

// Runs a trainer and shows what it does; of several ranks, rank 0 shows it.
class Run {
 public:
  Run(const TrainingOptions& options, Communicator& ranks)
      : o_(options),
        ranks_(ranks),
        place_(parallel::find_place(ranks)),
        path_(is_first() ? output_path(options) : std::filesystem::path()) {}

  int train();

 private:
  bool is_first() const { return ranks_.rank() == 0; }
  data::Dataset load(data::Split split);
  nn::TrainerCallbacks callbacks(Metrics* metrics);
  double seconds_of_step();
  void show_epoch(const nn::EpochReport& report, Metrics& metrics);
  Graph start(nn::ModelInfo& info, std::string& differences) const;
  std::unique_ptr<Metrics> open_metrics() const;
  std::string ranks_text() const;
  int end(nn::Ending ending, std::int64_t step, const Metrics* metrics);

  const TrainingOptions& o_;
  Communicator& ranks_;
  const parallel::Place place_;
  std::filesystem::path path_;  // rank 0's
  std::unique_ptr<Progress> progress_;
  using Clock = std::chrono::steady_clock;
  Clock::time_point epoch_start_ = Clock::now(), step_end_ = epoch_start_;
  std::int64_t epoch_images_ = 0;
};

// One rank of each host comes first: what it downloads or packs, the others find there.
data::Dataset Run::load(data::Split split) {
  data::Dataset dataset;
  if (place_.index == 0) dataset = o_.dataset.load(split);
  ranks_.barrier();
  if (place_.index != 0) dataset = o_.dataset.load(split);
  parallel::require_alike(ranks_, {{"the digest of the images", dataset.digest()}});
  return dataset;
}

// Since this was last asked.
double Run::seconds_of_step() {
  const Clock::time_point before = std::exchange(step_end_, Clock::now());
  return std::chrono::duration<double>(step_end_ - before).count();
}

nn::TrainerCallbacks Run::callbacks(Metrics* shown) {
  nn::TrainerCallbacks callbacks;
  callbacks.should_stop = interrupted;
  if (shown == nullptr) return callbacks;
  Metrics& metrics = *shown;
  callbacks.on_step = [this, &metrics](const nn::StepReport& step) {
    epoch_images_ += step.images;
    const double seconds = seconds_of_step();
    if (o_.log_steps) {
      if (progress_) progress_->clear();
      metrics.step(
          {{"step", step.step},
           {"loss", step.loss},
           {"lr", step.learning_rate},
           {"seconds", seconds}},
          fmt::format("step {}  loss {:.6f}  lr {:.6g}", step.step, step.loss, step.learning_rate));
    }
    if (!progress_)
      progress_ =
          std::make_unique<Progress>(fmt::format("epoch {}/{}", step.epoch, o_.trainer.epochs),
                                     "images", double(step.batches * o_.batch));
    progress_->update(double(step.batch * o_.batch), fmt::format("loss {:.4f}", step.loss));
  };
  callbacks.on_epoch = [this, &metrics](const nn::EpochReport& report) {
    show_epoch(report, metrics);
  };
  return callbacks;
}

void Run::show_epoch(const nn::EpochReport& r, Metrics& metrics) {
  progress_.reset();
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - epoch_start_).count();
  const double rate = double(epoch_images_) / seconds;
  epoch_start_ = now;
  epoch_images_ = 0;
  Json line = {{"epoch", r.epoch},
               {"step", r.step},
               {"lr", r.learning_rate},
               {"train_loss", r.train.loss()},
               {"train_accuracy", r.train.accuracy()}};
  std::string text = fmt::format("epoch {:3}/{}  loss {:.4f}  train {:5.2f} %", r.epoch, r.epochs,
                                 r.train.loss(), 100 * r.train.accuracy());
  if (r.validation.images > 0) {
    line.update({{"test_loss", r.validation.loss()},
                 {"test_accuracy", r.validation.accuracy()},
                 {"test_top5", r.validation.top5_accuracy()}});
    text += fmt::format("  test {:5.2f} %", 100 * r.validation.accuracy());
  }
  line.update({{"seconds", seconds}, {"images_per_second", rate}, {"peak_mib", peak_memory_mib()}});
  const double left = seconds * double(r.epochs - r.epoch);
  text += fmt::format("  {:.0f} images/s  {} left  {:.0f} MiB", rate, duration_text(left),
                      peak_memory_mib());
  metrics.epoch(line, text);
}

// The network to train, with the weights of --from if it is given.
Graph Run::start(nn::ModelInfo& info, std::string& differences) const {
  if (o_.from.empty()) return nn::make_network(info, o_.trainer.seed);
  const std::unique_ptr<nn::WeightFile> file = nn::open_weight_file(o_.from);
  const nn::ModelInfo theirs = nn::from_metadata(file->metadata(), o_.from);
  if (info.activation.empty() && theirs.model == info.model) info.activation = theirs.activation;
  Graph graph = nn::make_network(info, o_.trainer.seed);
  if (o_.partial)
    differences = nn::load_fitting_weights(graph, *file).differences();
  else
    nn::load_weights(graph, *file);
  if (!theirs.mean.empty() && !theirs.std.empty()) {  // they were trained on such images
    info.mean = theirs.mean;
    info.std = theirs.std;
  }
  return graph;
}

std::unique_ptr<Metrics> Run::open_metrics() const {
  if (!is_first()) return nullptr;
  MetricsOptions options;
  options.beside = path_;
  options.json = o_.json;
  options.json_to_stdout = o_.print_json;
  return std::make_unique<Metrics>(options);
}

std::string Run::ranks_text() const {
  if (ranks_.size() == 1) return {};
  return fmt::format(", {} ranks on {} host{}{}", ranks_.size(), place_.hosts,
                     place_.hosts == 1 ? "" : "s",
                     o_.trainer.parallel.sync_batch_norm ? ", synchronised batch norm" : "");
}

int Run::train() {
  const Device device = o_.device.apply(place_.index);
  o_.gpu.apply(device);
  const data::Dataset train = load(data::Split::train);
  nn::ModelInfo info = info_of(train);
  info.model = o_.model;
  info.activation = o_.activation;
  std::string differences;
  const Graph graph = start(info, differences);
  info.options = recorded(o_);

  nn::TrainerOptions options = o_.trainer;
  options.model_path = path_;
  options.record_steps = o_.gpu.records_steps();
  options.optimizer.kind = nn::parse_optimizer_kind(o_.optimizer);
  options.schedule.kind = nn::parse_schedule_kind(o_.schedule);
  options.parallel.ranks = &ranks_;
  // Gradients on GPUs are summed there, if this build can; else they come to the host for it.
  std::unique_ptr<Communicator> between_gpus;
  if (ranks_.size() > 1 && device.kind == Device::Kind::cuda && cuda::nccl_is_in_this_build()) {
    between_gpus = cuda::nccl_ranks(ranks_, device);
    options.parallel.ranks = between_gpus.get();
  }
  options.parallel.bucket_bytes = std::llround(o_.bucket_mib * 1024 * 1024);
  LoaderSource batches(train, loader_options(o_, info, ranks_, true));
  options.schedule.warmup_steps =
      std::llround(o_.warmup_epochs * double(batches.batches_per_epoch()));
  std::unique_ptr<data::Dataset> test;
  std::unique_ptr<LoaderSource> test_batches;
  if (o_.evaluate) {
    test = std::make_unique<data::Dataset>(load(data::Split::test));
    test_batches = std::make_unique<LoaderSource>(*test, loader_options(o_, info, ranks_, false));
  }

  const std::unique_ptr<Metrics> metrics = open_metrics();
  nn::Trainer trainer(graph.copied_to(device), info, options, callbacks(metrics.get()));
  if (o_.resume) trainer.resume(nn::state_path(path_));
  if (metrics) {
    Json facts = run_facts("pretrain", info, device);
    facts["data"] = facts_of(train);
    if (ranks_.size() > 1)
      facts["ranks"] = {{"processes", ranks_.size()},
                        {"hosts", place_.hosts},
                        {"sync_batch_norm", o_.trainer.parallel.sync_batch_norm}};
    metrics->begin(
        facts, trainer.progress().epoch,
        fmt::format("{} on {} ({} images, {}), {} parameters, {}{}", info.model, info.dataset,
                    train.count(), train.source.string(), trainer.model().parameter_count(),
                    backend(device).description(), ranks_text()));
    if (!differences.empty())
      metrics->say(fmt::format("{} does not fit in all: {}", o_.from, differences));
  }
  const nn::Ending ending = trainer.run(batches, test_batches.get());
  return end(ending, trainer.progress().step, metrics.get());
}

int Run::end(nn::Ending ending, std::int64_t step, const Metrics* metrics) {
  progress_.reset();
  ranks_.barrier();  // rank 0 has saved
  const bool stopped = ending == nn::Ending::stopped;
  if (metrics != nullptr)
    metrics->say(stopped
                     ? fmt::format("stopped after step {}; the same command with --resume "
                                   "continues",
                                   step)
                     : fmt::format("wrote {} and {}", path_.string(), metrics->path().string()));
  return stopped ? 130 : 0;
}

}  // namespace

int train(const TrainingOptions& options, Communicator& ranks) {
  parallel::require_alike(ranks, command_facts(options));
  require(!options.gpu.records_steps() || ranks.size() == 1,
          "--cuda-graph on is for one rank, since a recorded step cannot exchange gradients, and "
          "here are {}; use --cuda-graph off",
          ranks.size());
  return Run(options, ranks).train();
}

int train_in_threads(const TrainingOptions& options) {
  int status = 0;
  parallel::run_thread_ranks(options.ranks, [&](Communicator& ranks) {
    set_quiet(ranks.rank() != 0);
    const int own = train(options, ranks);
    if (ranks.rank() == 0) status = own;
  });
  return status;
}

}  // namespace hush::apps
