// The passes of a training step as work that a device records once and starts as a whole (CUDA
// graph; Backend::repeat).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/backend.h"
#include "core/passes.h"

namespace hush::nn {

// Throws ArgumentError, naming the op, if a step of this graph draws random numbers.
void require_recordable(const Graph& graph);

// Forward and backward pass of a graph that ends in a loss. Weights, buffers and gates are those of
// the graph at the time of each run; what changes their memory, or which of them are there, needs
// new RecordedPasses.
class RecordedPasses {
 public:
  // The first batch is only looked at for its shapes. Gradients are wanted of all parameters and of
  // `also`. `training` must outlive this.
  RecordedPasses(const LossGraph& training, std::uint64_t seed, std::vector<NodeId> also,
                 std::span<const Tensor> inputs);
  RecordedPasses(const RecordedPasses&) = delete;  // the recorded work knows this address
  RecordedPasses& operator=(const RecordedPasses&) = delete;

  // Whether a batch has the shapes that were recorded; the last of an epoch may not.
  bool fits(std::span<const Tensor> inputs) const;
  void run(std::span<const Tensor> inputs);

  // Of the last run, valid until the next.
  const Tensor& loss() const { return loss_; }
  const Tensor& logits() const { return logits_; }
  const std::vector<Tensor>& gradients() const { return gradients_; }  // by parameter
  const std::vector<Tensor>& also() const { return also_gradients_; }

 private:
  void passes();

  const LossGraph& training_;
  std::uint64_t seed_;
  std::vector<NodeId> also_;
  std::vector<Tensor> inputs_;
  Tensor one_;  // the gradient of the loss
  Tensor loss_, logits_;
  std::vector<Tensor> gradients_, also_gradients_;
  std::unique_ptr<RepeatedWork> work_;
};

}  // namespace hush::nn
