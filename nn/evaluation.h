// How well a classifier does on labelled images.
#pragma once

#include <functional>

#include "core/graph.h"
#include "nn/batch_source.h"

namespace hush::nn {

// Counts over some images.
struct Score {
  std::int64_t images = 0;
  std::int64_t top1 = 0;  // the label has the highest logit
  std::int64_t top5 = 0;  // it is among the five highest
  double loss_sum = 0;    // of cross entropies, natural logarithm

  double accuracy() const { return images == 0 ? 0 : double(top1) / double(images); }
  double top5_accuracy() const { return images == 0 ? 0 : double(top5) / double(images); }
  double loss() const { return images == 0 ? 0 : loss_sum / double(images); }
};

// Adds a batch of logits [N, C] with labels [N], both on the host. Of equal logits the first
// ranks higher; one that is not a number makes its image wrong. Throws ArgumentError for a label
// outside [0, C).
void add_to_score(Score& score, const Tensor& logits, const Tensor& labels);

// Adds the counts of other images.
void add_to_score(Score& score, const Score& other);

// What evaluate_model calls after each batch, with its logits on the host; it may throw.
using LogitsCallback = std::function<void(const Batch& batch, const Tensor& logits)>;

// The score of `model` over epoch 0 of `source`, with batch norms folded into the convolutions.
// Batches are moved to the device of the model's parameters.
Score evaluate_model(const Graph& model, BatchSource& source, const LogitsCallback& callback = {});

// The device of a graph's parameters; the CPU if it has none.
Device device_of(const Graph& graph);

}  // namespace hush::nn
