// How a replacement run is set up: its options, and the graph whose output is its loss.
#pragma once

#include <filesystem>

#include "core/passes.h"
#include "nn/replacement_methods.h"

namespace hush::nn {

struct ReplacementOptions {
  std::int64_t epochs = 3;
  std::int64_t max_steps = 0;  // stop after this many steps; 0: no limit
  std::int64_t budget = 0;     // 1 … the network's ReLUs
  MaskOptions mask;
  PolynomialChoice polynomial;
  bool train_coefficients = false;  // after the ramp; before, DaPa sets them
  double weight_rate = 1e-3;        // Adam, cosine annealed to 0
  double indicator_rate = 0;  // Adam, cosine annealed; 0: enough to cross (0, 1) during the ramp
  double ramp_end = 0.5, freeze_at = 0.8;
  double clip_norm = 5;  // limit of the gradient's norm; 0: none
  bool distill = true;
  float temperature = 4;
  std::int64_t lookahead = 0;  // every this many steps, half-way back to slow weights; 0: off
  std::int64_t calibration_batches = 24;
  bool fix_norms = true;  // in the fine-tuning, as said above
  float label_smoothing = 0;
  bool record_steps = false;  // as TrainerOptions::record_steps
  std::uint64_t seed = 0;
  std::filesystem::path model_path = {};  // empty: nothing is saved
  std::int64_t save_every = 0;
};

// Throws ArgumentError for options that make no sense for a network of `total` ReLUs.
void check_options(const ReplacementOptions& options, std::int64_t total);

// `model`, fused, with the loss on top: cross entropy plus, with distillation, T² KL(teacher ||
// student), whose teacher's logits are then an input after the labels. With `fixed_norms` batch
// norms use their running statistics. Nodes have the same numbers either way.
LossGraph replacement_loss(const Graph& model, const ReplacementOptions& options, bool fixed_norms);

}  // namespace hush::nn
