// ReplacementTrainer: takes a trained network to a ReLU budget and keeps its accuracy.
//
// A run has three parts, by fractions of its steps:
//   ramp      0 … ramp_end: the target count falls from all ReLUs to the budget,
//             target = budget + (total - budget) (1 - t)²; the method follows it (Eq. 5 with a
//             budget that moves), and DaPa follows the running statistics
//   hold      ramp_end … freeze_at: the target is the budget; indicators may still trade places
//   fine-tune freeze_at … 1: at its begin the indicators are projected onto the budget, exactly,
//             and from then on they, and untrained coefficients, stay. Statistics are measured
//             anew, and batch norms keep these from then on, in training as in inference: what is
//             tuned is the very function that the model file holds (docs/autorep.md says why)
// A model file is written only once the projection is done, so that no model file ever holds more
// ReLUs than its budget. The state file is there from the first save on.
//
// The loss is cross entropy plus, with distillation, T² KL(teacher || student) at temperature T;
// the teacher is the network as it was given, folded for inference.
#pragma once

#include "core/autograd.h"
#include "core/passes.h"
#include "nn/recorded_passes.h"
#include "nn/replacement_options.h"
#include "nn/replacement_statistics.h"
#include "nn/trainer.h"

namespace hush::nn {

struct ReplacementEpoch {
  EpochReport epoch;
  std::int64_t target = 0, open = 0;
  std::vector<std::int64_t> open_by_layer;
  std::int64_t flips = 0;  // in this epoch, the projection's included
  bool frozen = false;
};

struct ReplacementCallbacks {
  std::function<void(const StepReport&, std::int64_t open)> on_step = {};
  std::function<void(const ReplacementEpoch&)> on_epoch = {};
  // Before the first step: how well the polynomials fit the inputs that were measured.
  std::function<void(const std::vector<PolynomialError>&)> on_measured = {};
  std::function<bool()> should_stop = {};
};

class ReplacementTrainer {
 public:
  // `network` has its ReLUs; a replaced copy on its device is trained. Throws ArgumentError if the
  // budget is below 1 or above the network's count, and for options that make no sense.
  ReplacementTrainer(const Graph& network, ModelInfo info, ReplacementOptions options,
                     ReplacementCallbacks callbacks = {});

  // Continues the run whose state file is given; bit for bit as if it had not been interrupted.
  void resume(const std::filesystem::path& state_file);
  // As Trainer::run.
  Ending run(BatchSource& train, BatchSource* validation = nullptr);

  const Graph& model() const { return model_; }  // on the device
  const std::vector<GatedLayer>& layers() const { return layers_; }
  const TrainingProgress& progress() const { return progress_; }
  std::int64_t total() const { return indicators_.total(); }
  // The count that step `step` of `steps` aims at.
  std::int64_t target_at(std::int64_t step) const;

 private:
  // What the passes of a step leave. Without gradients if the loss is not finite.
  struct StepResult {
    double loss = 0;
    Tensor logits;
    std::vector<Tensor> gradients, d_gates;
  };

  void prepare(BatchSource& train);
  void train_step(const Batch& batch);
  StepResult passes(std::span<const Tensor> inputs);
  StepResult recorded_passes(std::span<const Tensor> inputs);
  void measure(BatchSource& train);
  double update(const StepResult& step, std::span<const Tensor> inputs, double rate);
  void leave_out(double loss);
  void step_mask(std::span<const Tensor> inputs, std::span<const Tensor> d_gates);
  void freeze(BatchSource& train);
  void begin_fine_tuning();
  void look_ahead();
  void finish_epoch(BatchSource* validation);
  void save() const;
  std::vector<NamedTensor> state() const;
  std::vector<Tensor> inputs_for(const Batch& batch) const;
  std::int64_t ramp_steps() const;
  std::int64_t freeze_step() const;
  double indicator_rate_at(std::int64_t step) const;
  bool frozen() const { return progress_.step >= freeze_step(); }
  // The gates whose gradients the method wants in this step.
  std::vector<NodeId> followed_gates() const;

  ReplacementOptions options_;
  ModelInfo info_;
  ReplacementCallbacks callbacks_;
  Graph teacher_, model_;
  LossGraph training_;  // fused; shares leaves with model_
  std::vector<GatedLayer> layers_;
  std::vector<NodeId> training_gates_;  // the layers' gates in training_
  Indicators indicators_;
  std::unique_ptr<MaskMethod> method_;
  std::unique_ptr<RecordedPasses> recorded_;  // of this part of the run
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<NamedTensor> slow_weights_;            // lookahead
  Tensor flips_ = Tensor::zeros({1}, DType::int32);  // of the epoch under way
  int left_out_ = 0;                                 // batches in a row
  TrainingProgress progress_;
  std::int64_t total_steps_ = 1, steps_per_epoch_ = 1;
};

}  // namespace hush::nn
