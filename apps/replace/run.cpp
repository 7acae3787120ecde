#include "apps/replace/run.h"

#include <fmt/ranges.h>

#include "apps/common/interrupt.h"
#include "apps/common/metrics.h"
#include "apps/common/progress.h"
#include "apps/replace/run_data.h"
#include "apps/replace/start_network.h"
#include "core/backend.h"

namespace hush::apps {
namespace {

constexpr const char* kRuns = "runs";
constexpr const char* kDefaultModel = "resnet20";

// The ReLUs that a model file holds, counted from its gates alone.
std::int64_t recount(const std::filesystem::path& path) {
  const nn::SafetensorsFile file(path);
  std::int64_t open = 0;
  for (const nn::FileTensor& tensor : file.tensors())
    if (tensor.name.ends_with(".gate")) {
      const Tensor gate = file.read(tensor.name);
      for (const float m : gate.values<float>()) open += m != 0 ? 1 : 0;
    }
  return open;
}

class AutorepRun {
 public:
  AutorepRun(const AutorepOptions& options, std::filesystem::path path)
      : o_(options), path_(std::move(path)), metrics_(metrics_options()) {}

  RunEnding run();

 private:
  MetricsOptions metrics_options() const {
    return {.beside = path_, .json = o_.json, .json_to_stdout = o_.print_json};
  }
  nn::ReplacementCallbacks callbacks();
  void begin(const nn::ReplacementTrainer& trainer, const LoadedModel& start, const RunData& data,
             double start_accuracy, Device device);
  void show_step(const nn::StepReport& step, std::int64_t open);
  void show_epoch(const nn::ReplacementEpoch& report);
  void show_polynomials(const std::vector<nn::PolynomialError>& errors);
  void show_result();

  const AutorepOptions& o_;
  std::filesystem::path path_, from_;
  Metrics metrics_;
  std::vector<std::string> layer_names_;
  std::string scored_as_;
  std::int64_t total_ = 0, epoch_images_ = 0;
  nn::Score last_score_;
  std::unique_ptr<Progress> progress_;
  std::chrono::steady_clock::time_point epoch_start_ = std::chrono::steady_clock::now();
};

nn::ReplacementCallbacks AutorepRun::callbacks() {
  return {
      .on_step = [this](const nn::StepReport& step, std::int64_t open) { show_step(step, open); },
      .on_epoch = [this](const nn::ReplacementEpoch& report) { show_epoch(report); },
      .on_measured = [this](const std::vector<nn::PolynomialError>& e) { show_polynomials(e); },
      .should_stop = interrupted};
}

void AutorepRun::show_step(const nn::StepReport& step, std::int64_t open) {
  epoch_images_ += step.images;
  if (o_.log_steps) {
    if (progress_) progress_->clear();
    metrics_.step({{"step", step.step},
                   {"loss", step.loss},
                   {"lr", step.learning_rate},
                   {"gradient_norm", step.gradient_norm},
                   {"relus", open}},
                  fmt::format("step {}  loss {:.6f}  gradient {:.3f}  {} ReLUs", step.step,
                              step.loss, step.gradient_norm, open));
  }
  if (!progress_)
    progress_ =
        std::make_unique<Progress>(fmt::format("epoch {}/{}", step.epoch, o_.replacement.epochs),
                                   "images", double(step.batches * o_.batch));
  progress_->update(double(step.batch * o_.batch),
                    fmt::format("loss {:.4f}  {} ReLUs", step.loss, open));
}

void AutorepRun::show_epoch(const nn::ReplacementEpoch& r) {
  progress_.reset();
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - epoch_start_).count();
  const double rate = double(epoch_images_) / seconds;
  epoch_start_ = now;
  epoch_images_ = 0;
  const nn::EpochReport& e = r.epoch;
  last_score_ = e.validation;
  Json line = {{"epoch", e.epoch},
               {"step", e.step},
               {"lr", e.learning_rate},
               {"train_loss", e.train.loss()},
               {"train_accuracy", e.train.accuracy()},
               {"target", r.target},
               {"relus", r.open},
               {"flips", r.flips},
               {"frozen", r.frozen},
               {"relus_by_layer", r.open_by_layer}};
  std::string text = fmt::format(
      "epoch {:3}/{}  {} ReLUs of {} ({:.1f} %), {} flips  loss {:.4f}  train {:5.2f} %", e.epoch,
      e.epochs, r.open, total_, 100 * double(r.open) / double(total_), r.flips, e.train.loss(),
      100 * e.train.accuracy());
  if (e.validation.images > 0) {
    line.update({{scored_as_ + "_loss", e.validation.loss()},
                 {scored_as_ + "_accuracy", e.validation.accuracy()},
                 {scored_as_ + "_top5", e.validation.top5_accuracy()}});
    text += fmt::format("  {} {:5.2f} %", scored_as_, 100 * e.validation.accuracy());
  }
  line.update({{"seconds", seconds}, {"images_per_second", rate}, {"peak_mib", peak_memory_mib()}});
  text += fmt::format("  {:.0f} images/s  {} left\n  by layer:", rate,
                      duration_text(seconds * double(e.epochs - e.epoch)));
  for (std::size_t i = 0; i < layer_names_.size(); ++i)
    text += fmt::format(" {} {}{}", layer_names_[i], r.open_by_layer[i],
                        i + 1 < layer_names_.size() ? "," : "");
  metrics_.epoch(line, text);
}

void AutorepRun::show_polynomials(const std::vector<nn::PolynomialError>& errors) {
  const std::vector<std::string> kinds = nn::polynomial_names();
  Json layers = Json::array();
  double mean = 0;
  const auto own = std::size_t(o_.replacement.polynomial.kind);
  for (const nn::PolynomialError& error : errors) {
    Json row = {{"layer", error.layer}, {"in_stream", error.in_stream}};
    for (std::size_t k = 0; k < kinds.size(); ++k) row[kinds[k]] = error.relative[k];
    layers.push_back(row);
    mean += error.relative[own] / double(errors.size());
  }
  metrics_.epoch({{"polynomials", layers}},
                 fmt::format("{}, not damped, misses ReLU by {:.1f} % (root mean square, mean of "
                             "{} layers)",
                             o_.polynomial, 100 * mean, errors.size()));
}

void AutorepRun::begin(const nn::ReplacementTrainer& trainer, const LoadedModel& start,
                       const RunData& data, double start_accuracy, Device device) {
  nn::ModelInfo info = start.info;
  info.options = o_.recorded();
  Json facts = run_facts("autorep", info, device);
  Json layers = Json::array();
  for (const nn::GatedLayer& layer : trainer.layers()) {
    layer_names_.push_back(layer.name);
    layers.push_back({{"layer", layer.name}, {"relus", layer.elements}});
  }
  total_ = trainer.total();
  facts.update(
      {{"data", facts_of(data.train)},
       {"start", from_.string()},
       {scored_as_ == "test" ? "start_accuracy" : "start_held-out_accuracy", start_accuracy},
       {"total_relus", total_},
       {"layers", layers}});
  std::string text = fmt::format("{} on {} from {}, {} of {} ReLUs by {} and {}, {}", info.model,
                                 info.dataset, from_.string(), o_.replacement.budget, total_,
                                 o_.method, o_.polynomial, backend(device).description());
  if (start_accuracy > 0)
    text += fmt::format("; at the start {:.2f} % of {} {} images", 100 * start_accuracy,
                        data.scored->count(), data.scored_as);
  metrics_.begin(facts, trainer.progress().epoch, text);
}

void AutorepRun::show_result() {
  const std::int64_t relus = recount(path_);
  if (relus > o_.replacement.budget)
    throw Error(fmt::format("{}: holds {} ReLUs, the budget is {}; this is a bug, please report it",
                            path_.string(), relus, o_.replacement.budget));
  Json line = {{"result", path_.string()}, {"relus", relus}, {"budget", o_.replacement.budget}};
  if (last_score_.images > 0) line[scored_as_ + "_accuracy"] = last_score_.accuracy();
  metrics_.epoch(line, fmt::format("wrote {} with {} ReLUs and {}", path_.string(), relus,
                                   metrics_.path().string()));
}

RunEnding AutorepRun::run() {
  const Device device = o_.device.apply();
  o_.gpu.apply(device);
  const RunData data = load_run_data(o_);
  const data::Dataset& train = data.train;
  scored_as_ = data.scored_as;
  const std::string model = o_.model.empty() ? kDefaultModel : o_.model;
  from_ = o_.from.empty() ? newest_checkpoint(kRuns, o_.dataset.name, model)
                          : std::filesystem::path(o_.from);
  nn::ModelInfo fallback = info_of(train);
  if (o_.model.empty()) fallback.model = kDefaultModel;
  LoadedModel start = load_start_network(from_, o_.model, fallback);
  check_fits(start.info, train);
  nn::ModelInfo info = start.info;
  info.dataset = train.name;
  info.options = o_.recorded();

  LoaderSource batches(train, training_batches(o_, info));
  std::unique_ptr<LoaderSource> scored;
  if (data.scored) scored = std::make_unique<LoaderSource>(*data.scored, scoring_batches(o_, info));
  nn::ReplacementOptions options = o_.replacement;
  options.record_steps = o_.gpu.records_steps();
  options.model_path = path_;
  const Graph network = start.graph.copied_to(device);
  nn::ReplacementTrainer trainer(network, info, options, callbacks());
  double start_accuracy = 0;
  if (o_.resume)
    trainer.resume(nn::state_path(path_));
  else if (scored && o_.score_start)
    start_accuracy = nn::evaluate_model(network, *scored).accuracy();
  begin(trainer, start, data, start_accuracy, device);

  const nn::Ending ending = trainer.run(batches, scored.get());
  progress_.reset();
  if (ending == nn::Ending::stopped) {
    metrics_.say(fmt::format("stopped after step {}; the same command with --resume continues",
                             trainer.progress().step));
    return RunEnding::stopped;
  }
  if (ending == nn::Ending::step_limit) {
    metrics_.say(
        fmt::format("step limit reached at step {}; --resume with another --max-steps "
                    "continues",
                    trainer.progress().step));
    return RunEnding::step_limit;
  }
  show_result();
  return RunEnding::finished;
}

}  // namespace

std::filesystem::path autorep_path(const AutorepOptions& o) {
  if (!o.out.empty()) return o.out;
  std::string model = o.model;
  if (model.empty() && !o.from.empty())
    model = nn::from_metadata(nn::open_weight_file(o.from)->metadata(), o.from).model;
  return fmt::format("{}/{}-{}-{}.safetensors", kRuns, o.dataset.name,
                     model.empty() ? kDefaultModel : model, o.label());
}

RunEnding run_autorep(const AutorepOptions& options, const std::filesystem::path& path) {
  return AutorepRun(options, path).run();
}

}  // namespace hush::apps
