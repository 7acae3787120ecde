// Training-state files: all that a run needs to continue bit for bit.
//
// The state file of runs/a.safetensors is runs/a.state.safetensors. It holds weights and
// optimizer state of one moment, in one file that is replaced in one step, and resuming reads
// nothing else: a run killed between writing its model file and its state file resumes from the
// state file, whichever of the two is newer. Tensors:
//   model.NAME              parameters and buffers, as in a model file
//   optimizer.momentum.NAME and so on: Optimizer::state, in the layout of parameter NAME
// Metadata: that of a model file, and state.FIELD for each field of TrainingProgress; numbers
// that are not integers as C99 hexadecimal floats, which lose nothing. Random numbers need no
// state of their own: they are functions of seed, step, epoch and image.
#pragma once

#include <filesystem>

#include "nn/checkpoint.h"
#include "nn/evaluation.h"
#include "nn/optimizer.h"

namespace hush::nn {

// Where a run stands.
struct TrainingProgress {
  std::int64_t step = 0;   // optimizer steps done
  std::int64_t epoch = 0;  // epochs finished, evaluation included
  std::int64_t batch = 0;  // batches done of the epoch under way
  Score running;           // over these batches, each scored before its step
  double best_accuracy = 0;
  std::int64_t best_epoch = 0;  // counted from 1; 0 before the first evaluation
};

// "runs/a.state.safetensors" for "runs/a.safetensors".
std::filesystem::path state_path(const std::filesystem::path& model_path);

void save_training_state(const std::filesystem::path& path, const Graph& model,
                         const Optimizer& optimizer, const TrainingProgress& progress,
                         const ModelInfo& info);

// Fills the model and the optimizer in place. Throws FileError if the file is not such a state
// or belongs to another model or optimizer, and ArgumentError, naming them, if `info` has other
// options than the run was begun with; nothing is changed then.
TrainingProgress load_training_state(const std::filesystem::path& path, const Graph& model,
                                     Optimizer& optimizer, const ModelInfo& info);

// The same for a run whose state is more than one optimizer's: `state` lists all of it besides the
// model, by names of its own, on any device. Loading fills these tensors in place.
void save_training_state(const std::filesystem::path& path, const Graph& model,
                         const std::vector<NamedTensor>& state, const TrainingProgress& progress,
                         const ModelInfo& info);
TrainingProgress load_training_state(const std::filesystem::path& path, const Graph& model,
                                     const std::vector<NamedTensor>& state, const ModelInfo& info);

}  // namespace hush::nn
