#include "nn/recorded_passes.h"

#include <algorithm>

#include "core/autograd.h"
#include "nn/evaluation.h"

namespace hush::nn {

void require_recordable(const Graph& graph) {
  for (const NodeId node : graph.of_kind(NodeKind::op))
    require(!graph[node].op->is_random(),
            "trainer: {} of '{}' draws new numbers in each step, which a recorded step cannot; use "
            "--cuda-graph off",
            graph[node].op->name(), graph[node].name);
}

RecordedPasses::RecordedPasses(const LossGraph& training, std::uint64_t seed,
                               std::vector<NodeId> also, std::span<const Tensor> inputs)
    : training_(training), seed_(seed), also_(std::move(also)) {
  require_recordable(training.graph);
  for (const Tensor& input : inputs)
    inputs_.push_back(Tensor::empty(input.shape(), input.dtype(), device_of(training.graph)));
  one_ = Tensor::full({}, 1, device_of(training.graph));
  work_ = backend(device_of(training.graph)).repeat([this] { passes(); });
}

bool RecordedPasses::fits(std::span<const Tensor> inputs) const {
  return std::ranges::equal(inputs, inputs_, {}, &Tensor::shape, &Tensor::shape);
}

void RecordedPasses::run(std::span<const Tensor> inputs) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i].assign(inputs[i]);
  work_->run();
}

// Lets go first of what the last run left: recorded work finds the same memory again.
void RecordedPasses::passes() {
  loss_ = logits_ = {};
  gradients_.clear();
  also_gradients_.clear();
  TrainingPass pass(training_.graph, {.training = true, .seed = seed_});
  loss_ = pass.forward(inputs_, [&](NodeId node, const Tensor& value) {
    if (node == training_.logits) logits_ = value;
  });
  const std::vector<Tensor> by_node = pass.backward(also_, one_);
  for (const NodeId parameter : training_.graph.of_kind(NodeKind::parameter))
    gradients_.push_back(by_node[std::size_t(parameter)]);
  for (const NodeId node : also_) also_gradients_.push_back(by_node[std::size_t(node)]);
}

}  // namespace hush::nn
