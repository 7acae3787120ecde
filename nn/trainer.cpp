#include "nn/trainer.h"

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
}

void Trainer::resume(const std::filesystem::path& state_file) {
  progress_ = load_training_state(state_file, model_, *optimizer_, info_);
}

Ending Trainer::run(BatchSource& train, BatchSource* validation) {
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
      if (callbacks_.should_stop && callbacks_.should_stop()) {
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
  const Device device = device_of(model_);
  const std::array inputs{batch.images.to(device), batch.labels.to(device)};

  TrainingPass pass(
      training_.graph,
      {.training = true, .seed = options_.seed, .step = std::uint64_t(progress_.step)});
  const Tensor loss = pass.forward(inputs, [&](NodeId node, const Tensor& value) {
    if (node == training_.logits)
      add_to_score(progress_.running, value.to(Device{}), batch.labels.to(Device{}));
  });
  const double loss_value = double(loss.to(Device{}).values<float>()[0]);
  check_loss(loss_value);

  const std::vector<Tensor> by_node = pass.backward();
  std::vector<Tensor> gradients;
  for (const NodeId parameter : training_.graph.of_kind(NodeKind::parameter))
    gradients.push_back(by_node[std::size_t(parameter)]);
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
                        .images = batch.images.shape()[0],
                        .loss = loss_value,
                        .learning_rate = learning_rate_,
                        .gradient_norm = norm});
}

void Trainer::check_loss(double loss) const {
  if (std::isfinite(loss)) return;
  throw NumericError(fmt::format(
      "training: the loss is {} at step {} (epoch {}, batch {}, learning rate {}); resume from the "
      "last checkpoint or start again, with a lower learning rate, a warm-up or clipped gradients",
      loss, progress_.step + 1, progress_.epoch + 1, progress_.batch + 1, learning_rate_));
}

void Trainer::finish_epoch(BatchSource* validation) {
  EpochReport report{.epoch = progress_.epoch + 1,
                     .epochs = options_.epochs,
                     .step = progress_.step,
                     .learning_rate = learning_rate_at(options_.schedule, progress_.step - 1),
                     .train = progress_.running,
                     .validation = {},
                     .best_accuracy = 0};
  ++progress_.epoch;
  progress_.batch = 0;
  progress_.running = {};
  if (validation != nullptr) {
    report.validation = evaluate_model(model_, *validation);
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
  ModelInfo info = info_;
  info.epoch = progress_.epoch;
  save_model(options_.model_path, model_, info);
  save_training_state(state_path(options_.model_path), model_, *optimizer_, progress_, info);
}

}  // namespace hush::nn
