// Trainer: epochs over labelled images, with checkpoints from which a run continues bit for bit.
//
// One step is: forward through the model with its batch norms, sums and ReLUs fused and the loss
// on top; a check that the loss is finite; backward; clipping; the optimizer. Everything that a
// step uses is a function of the options, the step's number and the weights, and the kernels do
// not depend on the number of threads: neither does the result.
//
// With several ranks each runs a trainer with the same options over its parts of the batches
// (nn/data_parallel.h). All see the same reports; rank 0 alone writes files.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/passes.h"
#include "nn/batch_source.h"
#include "nn/checkpoint.h"
#include "nn/data_parallel.h"
#include "nn/evaluation.h"
#include "nn/optimizer.h"
#include "nn/recorded_passes.h"
#include "nn/schedule.h"
#include "nn/training_state.h"

namespace hush::nn {

struct TrainerOptions {
  std::int64_t epochs = 1;
  std::int64_t max_steps = 0;             // stop after this many steps; 0: no limit
  double clip_norm = 0;                   // limit of the gradient's norm; 0: none
  float label_smoothing = 0;              // in [0, 1)
  std::uint64_t seed = 0;                 // of ops that draw random numbers
  std::filesystem::path model_path = {};  // empty: nothing is saved
  // Let the device record forward and backward pass once and start them as a whole (CUDA graph).
  bool record_steps = false;
  // Save the state every this many steps as well; 0: only at the end of an epoch.
  std::int64_t save_every = 0;
  OptimizerOptions optimizer = {};
  // Its total_steps and steps_per_epoch are set by the trainer.
  ScheduleOptions schedule = {};
  DataParallelOptions parallel = {};
};

struct StepReport {
  std::int64_t step = 0;   // counted from 1
  std::int64_t epoch = 0;  // counted from 1
  std::int64_t batch = 0;  // of the epoch, counted from 1
  std::int64_t batches = 0;
  std::int64_t images = 0;  // in this batch, on all ranks
  double loss = 0;
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping; 0 without clipping
};

struct EpochReport {
  std::int64_t epoch = 0;  // counted from 1
  std::int64_t epochs = 0;
  std::int64_t step = 0;
  double learning_rate = 0;  // of the last step
  Score train;               // each batch before its step, as it came augmented
  Score validation;          // images is 0 without validation
  double best_accuracy = 0;  // of any epoch's validation
};

struct TrainerCallbacks {
  std::function<void(const StepReport&)> on_step = {};
  std::function<void(const EpochReport&)> on_epoch = {};
  // Asked after each step; the run is saved and ends, on all ranks if any answers true.
  std::function<bool()> should_stop = {};
};

enum class Ending : std::uint8_t { finished, step_limit, stopped };

class Trainer {
 public:
  // Trains the parameters of `model` in place. `info` goes into the files; its options are those
  // that resuming must not change. Throws ArgumentError for options that make no sense.
  Trainer(Graph model, ModelInfo info, TrainerOptions options, TrainerCallbacks callbacks = {});

  // Continues the run whose state file is given, instead of beginning at step 0. Throws as
  // load_training_state does. With several ranks only rank 0 reads it, and `run` hands it on.
  void resume(const std::filesystem::path& state_file);

  // Trains until the epochs are done, the step limit is reached or should_stop answers true; in
  // each case the files then hold the last step. Scores `validation`, if given, after each epoch.
  // Throws NumericError, before the weights change, when the loss is not finite; the files then
  // stay as they were last saved. Throws FileError when saving fails.
  Ending run(BatchSource& train, BatchSource* validation = nullptr);

  const Graph& model() const { return model_; }
  const TrainingProgress& progress() const { return progress_; }

 private:
  // What the passes of a step leave.
  struct StepResult {
    double loss = 0;
    std::vector<Tensor> gradients;  // in the order of the parameters
  };

  void share_state();
  void train_step(const Batch& batch);
  StepResult passes(const Batch& batch);
  StepResult recorded_passes(const Batch& batch);
  double forward(TrainingPass& pass, const Batch& batch);
  std::vector<Tensor> backward(TrainingPass& pass, const Batch& batch);
  bool wants_to_stop() const;
  void finish_epoch(BatchSource* validation);
  void save_state() const;
  void check_loss(double loss) const;
  bool step_limit_reached() const;

  Graph model_;
  ModelInfo info_;
  TrainerOptions options_;
  TrainerCallbacks callbacks_;
  LossGraph training_;  // fused; shares parameters and buffers with model_
  std::unique_ptr<Optimizer> optimizer_;
  TrainingProgress progress_;
  double learning_rate_ = 0;  // of the step under way
  std::unique_ptr<RecordedPasses> recorded_;
};

}  // namespace hush::nn
