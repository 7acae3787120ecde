#include "nn/replacement_trainer.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/backend.h"
#include "nn/schedule.h"

namespace hush::nn {
namespace {

double scalar(const Tensor& x) {
  return double(x.to(Device{}).values<float>()[0]);
}

}  // namespace

ReplacementTrainer::ReplacementTrainer(const Graph& network, ModelInfo info,
                                       ReplacementOptions options, ReplacementCallbacks callbacks)
    : options_(std::move(options)),
      info_(std::move(info)),
      callbacks_(std::move(callbacks)),
      teacher_(fold_for_inference(network)),
      model_(replace_relus(network, options_.train_coefficients).copied_to(device_of(network))),
      training_(replacement_loss(model_, options_, false)),
      layers_(gated_layers(model_)),
      indicators_(model_, layers_, options_.seed),
      method_(make_method(options_.mask, indicators_)),
      optimizer_(make_optimizer({.kind = OptimizerKind::adam}, named_parameters(training_.graph))) {
  check_options(options_, indicators_.total());
  if (options_.record_steps) require_recordable(training_.graph);
  for (const GatedLayer& layer : layers_)
    training_gates_.push_back(training_.graph.find(model_[layer.gate].name));
  if (options_.lookahead > 0)
    for (const auto& [name, value] : named_parameters(training_.graph))
      slow_weights_.push_back({"slow." + name, value.clone()});
  info_.replacement = name_of(options_.mask.method) + " " + name_of(options_.polynomial.kind);
  info_.budget = options_.budget;
}

void ReplacementTrainer::resume(const std::filesystem::path& state_file) {
  progress_ = load_training_state(state_file, model_, state(), info_);
  indicators_.fetch();
}

std::vector<NamedTensor> ReplacementTrainer::state() const {
  std::vector<NamedTensor> result = optimizer_->state();
  const auto append = [&](const std::string& prefix, const std::vector<NamedTensor>& more) {
    for (const auto& [name, value] : more) result.push_back({prefix + name, value});
  };
  append("", slow_weights_);
  append("indicators.", indicators_.auxiliary());
  append("method.", method_->state());
  result.push_back({"flips", flips_});
  return result;
}

std::int64_t ReplacementTrainer::ramp_steps() const {
  return std::max<std::int64_t>(1, std::llround(options_.ramp_end * double(total_steps_)));
}

std::int64_t ReplacementTrainer::freeze_step() const {
  return std::max<std::int64_t>(1, std::llround(options_.freeze_at * double(total_steps_)));
}

std::int64_t ReplacementTrainer::target_at(std::int64_t step) const {
  const double left = std::max(0.0, 1 - double(step + 1) / double(ramp_steps()));
  return options_.budget +
         std::llround(double(indicators_.total() - options_.budget) * left * left);
}

double ReplacementTrainer::indicator_rate_at(std::int64_t step) const {
  // The target's first slope asks for 2 / ramp_steps a step of parameters spread over (0, 1).
  const double rate = options_.indicator_rate > 0 ? options_.indicator_rate
                                                  : std::max(1e-3, 4.0 / double(ramp_steps()));
  return learning_rate_at({.learning_rate = rate, .total_steps = total_steps_}, step);
}

Ending ReplacementTrainer::run(BatchSource& train, BatchSource* validation) {
  steps_per_epoch_ = train.batches_per_epoch();
  total_steps_ = steps_per_epoch_ * options_.epochs;
  require(steps_per_epoch_ > 0, "replacement: an epoch without batches");
  require(progress_.batch <= steps_per_epoch_,
          "replacement: resuming after batch {} of an epoch of {}", progress_.batch,
          steps_per_epoch_);
  optimizer_->restore(progress_.step);
  method_->restore(std::min(progress_.step, freeze_step()));
  if (progress_.step == 0) prepare(train);
  if (frozen()) begin_fine_tuning();

  while (progress_.epoch < options_.epochs) {
    if (progress_.batch < steps_per_epoch_) train.start_epoch(progress_.epoch, progress_.batch);
    while (progress_.batch < steps_per_epoch_) {
      if (options_.max_steps > 0 && progress_.step >= options_.max_steps) {
        save();
        return Ending::step_limit;
      }
      const std::optional<Batch> batch = train.next();
      require(batch.has_value(), "replacement: the epoch ended after {} of {} batches",
              progress_.batch, steps_per_epoch_);
      train_step(*batch);
      if (progress_.step == freeze_step()) freeze(train);
      if (callbacks_.should_stop && callbacks_.should_stop()) {
        save();
        return Ending::stopped;
      }
      if (options_.save_every > 0 && progress_.step % options_.save_every == 0) save();
    }
    finish_epoch(validation);
  }
  return Ending::finished;
}

// Statistics, and the polynomials that follow from them.
void ReplacementTrainer::measure(BatchSource& train) {
  calibrate(model_, train, options_.calibration_batches);
  refresh_coefficients(model_, layers_, options_.polynomial);
}

void ReplacementTrainer::prepare(BatchSource& train) {
  measure(train);
  train.start_epoch(0, 0);
  const std::optional<Batch> batch = train.next();
  require(batch.has_value(), "replacement: an epoch without batches");
  if (callbacks_.on_measured)
    callbacks_.on_measured(measure_polynomials(model_, layers_, batch->images));
  if (options_.mask.method == ReplacementMethod::magnitude)
    measure_importance(model_, layers_, batch->images, indicators_);
}

std::vector<Tensor> ReplacementTrainer::inputs_for(const Batch& batch) const {
  const Device device = device_of(model_);
  std::vector<Tensor> inputs{batch.images.to(device), batch.labels.to(device)};
  if (options_.distill) inputs.push_back(evaluate(teacher_, std::span(inputs).first(1)));
  return inputs;
}

std::vector<NodeId> ReplacementTrainer::followed_gates() const {
  return !frozen() && method_->wants_gradients() ? training_gates_ : std::vector<NodeId>{};
}

ReplacementTrainer::StepResult ReplacementTrainer::passes(std::span<const Tensor> inputs) {
  TrainingPass pass(
      training_.graph,
      {.training = true, .seed = options_.seed, .step = std::uint64_t(progress_.step)});
  StepResult step;
  step.loss = scalar(pass.forward(inputs, [&](NodeId node, const Tensor& value) {
    if (node == training_.logits) step.logits = value;
  }));
  if (!std::isfinite(step.loss)) return step;
  const std::vector<NodeId> gates = followed_gates();
  const std::vector<Tensor> by_node = pass.backward(gates);
  for (const NodeId parameter : training_.graph.of_kind(NodeKind::parameter))
    step.gradients.push_back(by_node[std::size_t(parameter)]);
  for (const NodeId gate : gates) step.d_gates.push_back(by_node[std::size_t(gate)]);
  return step;
}

// As recorded with the first batch; one of another size is not recorded.
ReplacementTrainer::StepResult ReplacementTrainer::recorded_passes(std::span<const Tensor> inputs) {
  if (!recorded_)
    recorded_ =
        std::make_unique<RecordedPasses>(training_, options_.seed, followed_gates(), inputs);
  if (!recorded_->fits(inputs)) return passes(inputs);
  recorded_->run(inputs);
  return {.loss = scalar(recorded_->loss()),
          .logits = recorded_->logits(),
          .gradients = recorded_->gradients(),
          .d_gates = recorded_->also()};
}

void ReplacementTrainer::train_step(const Batch& batch) {
  const double rate = learning_rate_at(
      {.learning_rate = options_.weight_rate, .total_steps = total_steps_}, progress_.step);
  const std::vector<Tensor> inputs = inputs_for(batch);
  const StepResult step = options_.record_steps ? recorded_passes(inputs) : passes(inputs);
  const double norm = std::isfinite(step.loss) ? update(step, inputs, rate) : NAN;
  if (std::isfinite(norm)) {
    left_out_ = 0;
    add_to_score(progress_.running, step.logits.to(Device{}), batch.labels.to(Device{}));
  } else {
    leave_out(step.loss);
  }
  ++progress_.step;
  ++progress_.batch;
  if (options_.lookahead > 0 && progress_.step % options_.lookahead == 0) look_ahead();
  if (callbacks_.on_step)
    callbacks_.on_step({.step = progress_.step,
                        .epoch = progress_.epoch + 1,
                        .batch = progress_.batch,
                        .batches = steps_per_epoch_,
                        .images = batch.images.shape()[0],
                        .loss = step.loss,
                        .learning_rate = rate,
                        .gradient_norm = norm},
                       indicators_.open());
}

// The steps of weights and indicators. Returns the gradient's norm; if that is not finite, nothing
// has been changed.
double ReplacementTrainer::update(const StepResult& step, std::span<const Tensor> inputs,
                                  double rate) {
  const double norm = gradient_norm(step.gradients);
  if (!std::isfinite(norm)) return norm;
  const bool choose = !frozen();
  optimizer_->step(rate, step.gradients,
                   options_.clip_norm > 0 ? clipping_scale(norm, options_.clip_norm) : 1);
  if (choose) step_mask(inputs, step.d_gates);
  const bool dapa_leads = options_.train_coefficients ? progress_.step < ramp_steps() : choose;
  if (dapa_leads) refresh_coefficients(model_, layers_, options_.polynomial);
  return norm;
}

// With fixed norms nothing holds back an image that runs away, and one in some thousands does: its
// batch goes by unused. With norms that move, or time after time, something is wrong.
void ReplacementTrainer::leave_out(double loss) {
  constexpr int kMostInARow = 8;
  if (frozen() && options_.fix_norms && ++left_out_ <= kMostInARow) return;
  throw NumericError(fmt::format(
      "replacement: the loss is {} at step {}, or its gradient is not finite: the polynomials have "
      "run away; use a smaller --branch-scale, --stream-scale, --lr or --clip",
      loss, progress_.step + 1));
}

void ReplacementTrainer::step_mask(std::span<const Tensor> inputs,
                                   std::span<const Tensor> d_gates) {
  const MaskStep step{.d_gates = d_gates,
                      .target = target_at(progress_.step),
                      .at_budget = progress_.step + 1 >= ramp_steps(),
                      .learning_rate = indicator_rate_at(progress_.step),
                      .step = progress_.step,
                      .loss = [&] {
                        indicators_.publish();
                        return scalar(evaluate(training_.graph, inputs));
                      }};
  flips_.values<std::int32_t>()[0] += std::int32_t(method_->step(step));
  indicators_.publish();
}

void ReplacementTrainer::freeze(BatchSource& train) {
  flips_.values<std::int32_t>()[0] += std::int32_t(indicators_.project(options_.budget));
  indicators_.publish();
  if (!options_.train_coefficients) {
    measure(train);
    limit_tails(model_, layers_, options_.polynomial, train, options_.calibration_batches);
  }
  calibrate(model_, train, options_.calibration_batches);  // with these coefficients
  if (progress_.batch < steps_per_epoch_) train.start_epoch(progress_.epoch, progress_.batch);
  begin_fine_tuning();
}

// Another graph, or other gradients, from now on.
void ReplacementTrainer::begin_fine_tuning() {
  recorded_.reset();
  if (options_.fix_norms) training_ = replacement_loss(model_, options_, true);
}

// Zhang, Lucas, Hinton, Ba, "Lookahead Optimizer", NeurIPS 2019, with α = 1/2.
void ReplacementTrainer::look_ahead() {
  const std::vector<NamedTensor>& fast = optimizer_->parameters();
  for (std::size_t i = 0; i < fast.size(); ++i) {
    backend(fast[i].value.device()).axpby(0.5f, fast[i].value, 0.5f, slow_weights_[i].value);
    fast[i].value.assign(slow_weights_[i].value);
  }
}

void ReplacementTrainer::finish_epoch(BatchSource* validation) {
  ReplacementEpoch report{
      .epoch = {.epoch = progress_.epoch + 1,
                .epochs = options_.epochs,
                .step = progress_.step,
                .learning_rate = learning_rate_at(
                    {.learning_rate = options_.weight_rate, .total_steps = total_steps_},
                    progress_.step - 1),
                .train = progress_.running,
                .validation = {},
                .best_accuracy = 0},
      .target = target_at(progress_.step - 1),
      .open = indicators_.open(),
      .open_by_layer = indicators_.open_by_layer(),
      .flips = flips_.values<std::int32_t>()[0],
      .frozen = frozen()};
  ++progress_.epoch;
  progress_.batch = 0;
  progress_.running = {};
  flips_.zero();
  if (validation != nullptr) report.epoch.validation = evaluate_model(model_, *validation);
  if (callbacks_.on_epoch) callbacks_.on_epoch(report);
  save();
}

void ReplacementTrainer::save() const {
  if (options_.model_path.empty()) return;
  ModelInfo info = info_;
  info.epoch = progress_.epoch;
  if (frozen()) save_model(options_.model_path, model_, info);
  save_training_state(state_path(options_.model_path), model_, state(), progress_, info);
}

}  // namespace hush::nn
