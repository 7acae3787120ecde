// Trains a network in the open: ./apps/pretrain --dataset cifar10
#include <fmt/ranges.h>
#include <cmath>
#include <filesystem>

#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/metrics.h"
#include "apps/common/model_options.h"
#include "apps/common/progress.h"
#include "apps/presets/presets.h"
#include "core/backend.h"
#include "nn/models.h"
#include "nn/trainer.h"

namespace hush::apps {
namespace {

struct Options {
  DatasetOptions dataset;
  DeviceOptions device;
  std::string model = "resnet20", activation, from, out, json;
  std::string optimizer = "sgd", schedule = "cosine";
  nn::TrainerOptions trainer;
  std::int64_t batch = 128;
  double warmup_epochs = 0;
  AugmentOptions augment;
  bool shuffle = true, log_steps = false, resume = false, overwrite = false;
  bool evaluate = true, print_json = false, partial = false;
};

void add_options(CLI::App& app, Options& o) {
  o.dataset.name = "cifar10";
  o.trainer.epochs = 40;
  o.trainer.optimizer.weight_decay = 5e-4f;
  o.dataset.add_to(app);
  app.add_option("--model", o.model, fmt::format("one of {}", fmt::join(nn::model_names(), ", ")))
      ->capture_default_str();
  add_activation_option(app, o.activation);
  app.add_option("--from", o.from, "start from the weights of this safetensors or .pth file");
  app.add_flag("--partial", o.partial,
               "load what fits of --from, say what does not: for other classes than it had");
  app.add_option("--out", o.out, "the model file; default runs/DATASET-MODEL.safetensors");
  app.add_flag("--resume", o.resume, "continue the run of --out bit for bit where it was saved");
  app.add_flag("--overwrite", o.overwrite, "start anew although --out exists");
  app.add_option("--epochs", o.trainer.epochs)->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--max-steps", o.trainer.max_steps, "stop after this many steps; 0: no limit")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--batch", o.batch, "images per step")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--optimizer", o.optimizer)
      ->check(CLI::IsMember({"sgd", "adam", "adamw"}))
      ->capture_default_str();
  app.add_option("--lr", o.trainer.schedule.learning_rate, "learning rate")
      ->check(above_zero())
      ->capture_default_str();
  app.add_option("--momentum", o.trainer.optimizer.momentum)
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--nesterov", o.trainer.optimizer.nesterov);
  app.add_option("--weight-decay", o.trainer.optimizer.weight_decay)
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_flag("!--no-decay-norm", o.trainer.optimizer.decay_all,
               "no weight decay for batch norms and biases");
  app.add_option("--schedule", o.schedule, "of the learning rate")
      ->check(CLI::IsMember({"constant", "cosine", "step"}))
      ->capture_default_str();
  app.add_option("--milestones", o.trainer.schedule.milestones,
                 "step schedule: epochs at which the rate is multiplied by --gamma")
      ->delimiter(',');
  app.add_option("--gamma", o.trainer.schedule.gamma)->capture_default_str();
  app.add_option("--warmup", o.warmup_epochs, "epochs over which the rate rises from 0")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--label-smoothing", o.trainer.label_smoothing)
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  app.add_option("--clip", o.trainer.clip_norm, "limit of the gradient's norm; 0: none")
      ->check(zero_or_more())
      ->capture_default_str();
  o.augment.add_to(app);
  app.add_flag("!--no-shuffle", o.shuffle, "images in the order of the dataset");
  app.add_flag("!--no-eval", o.evaluate, "do not score the test images after each epoch");
  app.add_option("--save-every", o.trainer.save_every,
                 "save every this many steps too; 0: after each epoch only")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_flag("--log-steps", o.log_steps, "print the loss of every step");
  app.add_option("--json", o.json, "metrics as JSON lines to this file; without a name, to stdout")
      ->expected(0, 1);
  app.add_option("--seed", o.trainer.seed)->capture_default_str();
  o.device.add_to(app);
}

// Where the run is written, its folder made; an old run is not overwritten unasked.
std::filesystem::path output_path(const Options& o) {
  std::filesystem::path path = o.out;
  if (path.empty()) path = fmt::format("runs/{}-{}.safetensors", o.dataset.name, o.model);
  const bool exists = std::filesystem::exists(path);
  require(!o.resume || std::filesystem::exists(nn::state_path(path)),
          "{}: nothing to resume; leave --resume out to begin", nn::state_path(path).string());
  require(o.resume || o.overwrite || !exists,
          "{} exists: continue it with --resume, begin anew with --overwrite, or choose another "
          "--out",
          path.string());
  prepare_folder(path);
  return path;
}

data::LoaderOptions loader_options(const Options& o, const nn::ModelInfo& info, bool training) {
  data::LoaderOptions options;
  options.batch_size = training ? o.batch : std::max<std::int64_t>(o.batch, 100);
  options.shuffle = training && o.shuffle;
  options.mean = info.mean;
  options.std = info.std;
  options.seed = o.trainer.seed;
  options.threads = o.dataset.workers();
  if (training) options.augmentation = o.augment.augmentation();
  return options;
}

// The options that a resumed run must share, as text.
nn::Metadata recorded(const Options& o) {
  const nn::TrainerOptions& t = o.trainer;
  return {{"optimizer", o.optimizer},
          {"schedule", o.schedule},
          {"epochs", std::to_string(t.epochs)},
          {"batch", std::to_string(o.batch)},
          {"lr", fmt::format("{}", t.schedule.learning_rate)},
          {"momentum", fmt::format("{}", t.optimizer.momentum)},
          {"nesterov", t.optimizer.nesterov ? "yes" : "no"},
          {"weight_decay", fmt::format("{}", t.optimizer.weight_decay)},
          {"decay_norm", t.optimizer.decay_all ? "yes" : "no"},
          {"milestones", fmt::format("{}", fmt::join(t.schedule.milestones, ","))},
          {"gamma", fmt::format("{}", t.schedule.gamma)},
          {"warmup", fmt::format("{}", o.warmup_epochs)},
          {"label_smoothing", fmt::format("{}", t.label_smoothing)},
          {"clip", fmt::format("{}", t.clip_norm)},
          {"augment", o.augment.text()},
          {"shuffle", o.shuffle ? "yes" : "no"},
          {"from", o.from},
          {"act", o.activation},
          {"seed", std::to_string(t.seed)}};
}

// Runs a trainer and shows what it does.
class Run {
 public:
  Run(const Options& options, std::filesystem::path path) : o_(options), path_(std::move(path)) {}

  int train();

 private:
  nn::TrainerCallbacks callbacks(Metrics& metrics);
  void show_epoch(const nn::EpochReport& report, Metrics& metrics);
  Graph start(nn::ModelInfo& info, std::string& differences) const;

  const Options& o_;
  std::filesystem::path path_;
  std::unique_ptr<Progress> progress_;
  std::chrono::steady_clock::time_point epoch_start_ = std::chrono::steady_clock::now();
  std::int64_t epoch_images_ = 0;
};

nn::TrainerCallbacks Run::callbacks(Metrics& metrics) {
  nn::TrainerCallbacks callbacks;
  callbacks.on_step = [this, &metrics](const nn::StepReport& step) {
    epoch_images_ += step.images;
    if (o_.log_steps) {
      if (progress_) progress_->clear();
      metrics.step(
          {{"step", step.step}, {"loss", step.loss}, {"lr", step.learning_rate}},
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
  callbacks.should_stop = interrupted;
  return callbacks;
}

void Run::show_epoch(const nn::EpochReport& r, Metrics& metrics) {
  progress_.reset();
  const auto now = std::chrono::steady_clock::now();
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

int Run::train() {
  const Device device = o_.device.apply();
  const data::Dataset train = o_.dataset.load(data::Split::train);
  nn::ModelInfo info = info_of(train);
  info.model = o_.model;
  info.activation = o_.activation;
  std::string differences;
  const Graph graph = start(info, differences);
  info.options = recorded(o_);

  nn::TrainerOptions options = o_.trainer;
  options.model_path = path_;
  options.optimizer.kind = nn::parse_optimizer_kind(o_.optimizer);
  options.schedule.kind = nn::parse_schedule_kind(o_.schedule);
  LoaderSource batches(train, loader_options(o_, info, true));
  options.schedule.warmup_steps =
      std::llround(o_.warmup_epochs * double(batches.batches_per_epoch()));
  std::unique_ptr<data::Dataset> test;
  std::unique_ptr<LoaderSource> test_batches;
  if (o_.evaluate) {
    test = std::make_unique<data::Dataset>(o_.dataset.load(data::Split::test));
    test_batches = std::make_unique<LoaderSource>(*test, loader_options(o_, info, false));
  }

  MetricsOptions metrics_options;
  metrics_options.beside = path_;
  metrics_options.json = o_.json;
  metrics_options.json_to_stdout = o_.print_json;
  Metrics metrics(metrics_options);
  Json facts = run_facts("pretrain", info, device);
  facts["data"] = facts_of(train);
  nn::Trainer trainer(graph.copied_to(device), info, options, callbacks(metrics));
  if (o_.resume) trainer.resume(nn::state_path(path_));
  metrics.begin(facts, trainer.progress().epoch,
                fmt::format("{} on {} ({} images, {}), {} parameters, {}", info.model, info.dataset,
                            train.count(), train.source.string(), trainer.model().parameter_count(),
                            backend(device).description()));
  if (!differences.empty())
    metrics.say(fmt::format("{} does not fit in all: {}", o_.from, differences));

  const nn::Ending ending = trainer.run(batches, test_batches.get());
  progress_.reset();
  if (ending == nn::Ending::stopped) {
    metrics.say(fmt::format("stopped after step {}; the same command with --resume continues",
                            trainer.progress().step));
    return 130;
  }
  metrics.say(fmt::format("wrote {} and {}", path_.string(), metrics.path().string()));
  return 0;
}

int run(int argc, char** argv) {
  PresetArguments arguments("pretrain", argc, argv);
  if (!arguments.listing().empty()) return fmt::print("{}", arguments.listing()), 0;
  CLI::App app(
      "Trains a network on real images. Writes a safetensors file that evaluate, predict "
      "and inspect read, its training state and its metrics (JSON lines) beside it.");
  Options options;
  add_options(app, options);
  PresetArguments::describe(app);
  if (!parse(app, arguments.argc(), arguments.argv())) return 0;
  options.print_json = app.count("--json") > 0 && options.json.empty();
  catch_interrupts();
  return Run(options, output_path(options)).train();
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pretrain", [&] { return hush::apps::run(argc, argv); });
}
