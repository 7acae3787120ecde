#include "nn/trainer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/autograd.h"

namespace hush::nn {

Trainer::Trainer(Graph model, ModelInfo info, TrainerOptions options, TrainerCallbacks callbacks)
    : model_(std::move(model)),
      info_(std::move(info)),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      training_(with_loss(fuse_for_training(model_), options_.label_smoothing)),
      optimizer_(make_optimizer(options_.optimizer, named_parameters(training_.graph))) {
  require(options_.epochs > 0 && options_.max_steps >= 0 && options_.save_every >= 0,
          "trainer: {} epochs, at most {} steps, saved every {} steps", options_.epochs,
          options_.max_steps, options_.save_every);
  require(options_.clip_norm >= 0, "trainer: the gradient cannot be clipped to norm {}",
          options_.clip_norm);
  if (!options_.record_steps) return;
  require(!options_.parallel.several(),
          "trainer: a recorded step cannot exchange gradients with other ranks; use --cuda-graph "
          "off");
  require_recordable(training_.graph);
}

void Trainer::resume(const std::filesystem::path& state_file) {
  if (options_.parallel.several() && options_.parallel.ranks->rank() != 0) return;
  progress_ = load_training_state(state_file, model_, *optimizer_, info_);
}

// All ranks begin with what rank 0 has.
void Trainer::share_state() {
  if (!options_.parallel.several()) return;
  Communicator& ranks = *options_.parallel.ranks;
  std::vector<NamedTensor> state = optimizer_->state();
  for (const NodeKind kind : {NodeKind::parameter, NodeKind::buffer})
    for (const NodeId id : model_.of_kind(kind))
      state.push_back({model_[id].name, model_[id].value});
  share_tensors(ranks, state);
  share_value(ranks, progress_);
  optimizer_->restore(progress_.step);
}

Ending Trainer::run(BatchSource& train, BatchSource* validation) {
  share_state();
  const std::int64_t batches = train.batches_per_epoch();
  require(batches > 0, "trainer: an epoch without batches");
  require(progress_.batch <= batches, "trainer: resuming after batch {} of an epoch of {}",
          progress_.batch, batches);
  options_.schedule.steps_per_epoch = batches;
  options_.schedule.total_steps = batches * options_.epochs;

  while (progress_.epoch < options_.epochs) {
    if (progress_.batch < batches) train.start_epoch(progress_.epoch, progress_.batch);
    while (progress_.batch < batches) {
      if (step_limit_reached()) {
        save_state();
        return Ending::step_limit;
      }
      const std::optional<Batch> batch = train.next();
      require(batch.has_value(), "trainer: the epoch ended after {} of {} batches", progress_.batch,
              batches);
      train_step(*batch);
      if (wants_to_stop()) {
        save_state();
        return Ending::stopped;
      }
      if (options_.save_every > 0 && progress_.step % options_.save_every == 0) save_state();
    }
    finish_epoch(validation);
  }
  return Ending::finished;
}

void Trainer::train_step(const Batch& batch) {
  learning_rate_ = learning_rate_at(options_.schedule, progress_.step);
  const auto [loss, gradients] = options_.record_steps ? recorded_passes(batch) : passes(batch);
  double norm = 0;
  float scale = 1;
  if (options_.clip_norm > 0) {
    norm = gradient_norm(gradients);
    scale = clipping_scale(norm, options_.clip_norm);
  }
  optimizer_->step(learning_rate_, gradients, scale);
  ++progress_.step;
  ++progress_.batch;
  if (callbacks_.on_step)
    callbacks_.on_step({.step = progress_.step,
                        .epoch = progress_.epoch + 1,
                        .batch = progress_.batch,
                        .batches = options_.schedule.steps_per_epoch,
                        .images = batch.count_on_all_ranks(),
                        .loss = loss,
                        .learning_rate = learning_rate_,
                        .gradient_norm = norm});
}

Trainer::StepResult Trainer::passes(const Batch& batch) {
  const DataParallelOptions& parallel = options_.parallel;
  TrainingPass pass(
      training_.graph,
      {.training = true,
       .seed = options_.seed,
       .step = std::uint64_t(progress_.step),
       .first_image = batch.part.first,
       .ranks = parallel.several() && parallel.sync_batch_norm ? parallel.ranks : nullptr,
       .stand_in = batch.part.stand_in});
  const double loss = forward(pass, batch);
  check_loss(loss);
  return {.loss = loss, .gradients = backward(pass, batch)};
}

// The loss of the whole batch, which is scored too.
double Trainer::forward(TrainingPass& pass, const Batch& batch) {
  const Device device = device_of(model_);
  const std::array inputs{batch.images.to(device), batch.labels.to(device)};
  const bool several = options_.parallel.several();
  StepPart part{.loss = 0, .images = batch.count(), .score = {}};
  Score& score = several ? part.score : progress_.running;
  const Tensor loss = pass.forward(inputs, [&](NodeId node, const Tensor& value) {
    if (node == training_.logits && !batch.part.stand_in)
      add_to_score(score, value.to(Device{}), batch.labels.to(Device{}));
  });
  part.loss = double(loss.to(Device{}).values<float>()[0]);
  if (!several) return part.loss;
  part = whole_step(*options_.parallel.ranks, part);
  add_to_score(progress_.running, part.score);
  return part.loss;
}

// The gradients of the whole batch's loss, by parameter.
std::vector<Tensor> Trainer::backward(TrainingPass& pass, const Batch& batch) {
  const std::vector<NodeId> parameters = training_.graph.of_kind(NodeKind::parameter);
  if (!options_.parallel.several()) {
    const std::vector<Tensor> by_node = pass.backward();
    std::vector<Tensor> gradients;
    gradients.reserve(parameters.size());
    for (const NodeId parameter : parameters) gradients.push_back(by_node[std::size_t(parameter)]);
    return gradients;
  }
  const double share = double(batch.count()) / double(batch.count_on_all_ranks());
  GradientSum sum(options_.parallel, parameters.size());
  (void)pass.backward({}, Tensor::full({}, float(share), device_of(model_)),
                      [&](NodeId parameter, const Tensor& gradient) {
                        const auto place = std::ranges::lower_bound(parameters, parameter);
                        sum.add(std::size_t(place - parameters.begin()), gradient);
                      });
  std::vector<Tensor> gradients = sum.finish();
  if (!options_.parallel.sync_batch_norm) average_buffers(*options_.parallel.ranks, model_, share);
  return gradients;
}

// Runs the passes as recorded with the first batch. Batches of another size, such as the last of
// an epoch, are not recorded.
Trainer::StepResult Trainer::recorded_passes(const Batch& batch) {
  const std::array inputs{batch.images, batch.labels};
  if (!recorded_)
    recorded_ =
        std::make_unique<RecordedPasses>(training_, options_.seed, std::vector<NodeId>{}, inputs);
  if (!recorded_->fits(inputs)) return passes(batch);
  recorded_->run(inputs);
  add_to_score(progress_.running, recorded_->logits().to(Device{}), batch.labels.to(Device{}));
  const double loss = double(recorded_->loss().to(Device{}).values<float>()[0]);
  check_loss(loss);
  return {.loss = loss, .gradients = recorded_->gradients()};
}

bool Trainer::wants_to_stop() const {
  const bool here = callbacks_.should_stop && callbacks_.should_stop();
  return options_.parallel.several() ? options_.parallel.ranks->any(here) : here;
}

void Trainer::check_loss(double loss) const {
  if (std::isfinite(loss)) return;
  const std::string what = fmt::format(
      "training: the loss is {} at step {} (epoch {}, batch {}, learning rate {}); resume from the "
      "last checkpoint or start again, with a lower learning rate, a warm-up or clipped gradients",
      loss, progress_.step + 1, progress_.epoch + 1, progress_.batch + 1, learning_rate_);
  // It is the loss of all ranks: each of them comes to this line.
  if (options_.parallel.several() && options_.parallel.ranks->rank() != 0)
    throw RankError(what, true);
  throw NumericError(what);
}

void Trainer::finish_epoch(BatchSource* validation) {
  EpochReport report{.epoch = progress_.epoch + 1,
                     .epochs = options_.epochs,
                     .step = progress_.step,
                     .learning_rate = learning_rate_at(options_.schedule, progress_.step - 1),
                     .train = progress_.running,
                     .validation = {},
                     .best_accuracy = 0};
  if (options_.parallel.several()) check_equal(*options_.parallel.ranks, optimizer_->parameters());
  ++progress_.epoch;
  progress_.batch = 0;
  progress_.running = {};
  if (validation != nullptr) {
    report.validation = evaluate_model(model_, *validation);
    if (options_.parallel.several())
      report.validation = whole_score(*options_.parallel.ranks, report.validation);
    if (report.validation.accuracy() > progress_.best_accuracy || progress_.best_epoch == 0) {
      progress_.best_accuracy = report.validation.accuracy();
      progress_.best_epoch = progress_.epoch;
    }
  }
  report.best_accuracy = progress_.best_accuracy;
  // Reported first: a run killed in between reports the epoch again when it is resumed, rather
  // than never.
  if (callbacks_.on_epoch) callbacks_.on_epoch(report);
  save_state();
}

bool Trainer::step_limit_reached() const {
  return options_.max_steps > 0 && progress_.step >= options_.max_steps;
}

void Trainer::save_state() const {
  if (options_.model_path.empty()) return;
  if (options_.parallel.several() && options_.parallel.ranks->rank() != 0) return;
  ModelInfo info = info_;
  info.epoch = progress_.epoch;
  save_model(options_.model_path, model_, info);
  save_training_state(state_path(options_.model_path), model_, *optimizer_, progress_, info);
}

}  // namespace hush::nn
