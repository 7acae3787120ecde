// Rewriting a graph for what it will be used for. Each pass returns a new graph and leaves its
// argument as it is; nodes are renumbered.
#pragma once

#include "core/graph.h"

namespace hush {

// Makes one op of batch norm and the sum and ReLU that follow it, wherever nothing else uses the
// values in between; when both summands are batch norms, the later one takes the sum. Values and
// gradients stay the same but for rounding; leaves keep their names, order and tensors, so that
// training the result trains `graph`.
Graph fuse_for_training(const Graph& graph);

// Leaves out dropout and stochastic depth, which do nothing in inference and stand in the way of
// fusion.
Graph without_dropout(const Graph& graph);

// Leaves out dropout, folds each batch norm that follows a convolution into its weights and bias,
// with the running statistics, and makes the sum and ReLU that follow the convolution's epilogue.
// Folded weights are new tensors under the old name, "conv1.weight"; biases are named "conv1.bias";
// leaves that nothing uses any more are gone. What remains computes the same in inference but for
// rounding. A convolution whose weight is shared, or is not a float32 parameter, keeps its batch
// norm. Folded weights must not be written to: a device may keep them in another order too, for
// images of the batch size that came last.
Graph fold_for_inference(const Graph& graph);

// Keeps running statistics as they are in training, where batch norms then use them too (`fixed` of
// BatchNorm and GatedActivation). Nodes keep their numbers, leaves their tensors.
Graph fix_statistics(const Graph& graph);

// A model with the training loss on top.
struct LossGraph {
  Graph graph;    // its output is the mean loss, its last input is "labels", int32 [N]
  NodeId logits;  // the model's output; an Observer sees its value during the forward pass
};
// Adds the softmax cross entropy of the model's output. The last pass to run: `logits` is a node
// of this graph only.
LossGraph with_loss(const Graph& model, float label_smoothing);

}  // namespace hush
