// Evaluation of a graph and reverse-mode differentiation through it.
//
// Memory: a value lives until its last use. In training, only what an op's Keep names survives
// to the backward pass, which frees each value and gradient as soon as it has been used.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/graph.h"

namespace hush {

// The value of the graph's output. `inputs` in the order of the graph's input nodes. Buffers are
// not changed unless context.training is set.
Tensor evaluate(const Graph& graph, std::span<const Tensor> inputs,
                const PassContext& context = {});

// Called with each op node's value right after it was computed; for inspection.
using Observer = std::function<void(NodeId node, const Tensor& value)>;
Tensor evaluate(const Graph& graph, std::span<const Tensor> inputs, const PassContext& context,
                const Observer& observer);

// A training pass: forward computes the output and keeps what backward needs; backward computes
// the gradients of all parameters.
class TrainingPass {
 public:
  // `graph` must outlive the pass; its buffers change in `forward`.
  TrainingPass(const Graph& graph, const PassContext& context);

  // The output's value (for training: the loss, a scalar). `observer` as in evaluate.
  Tensor forward(std::span<const Tensor> inputs, const Observer& observer = {});
  // Gradients by node id: defined for every parameter, and for each input listed in `also`.
  // `grad_output` defaults to one. `on_parameter` is called with each parameter's gradient as soon
  // as nothing will be added to it, in an order that depends on the graph alone. Once per forward.
  std::vector<Tensor> backward(std::span<const NodeId> also = {}, const Tensor& grad_output = {},
                               const Observer& on_parameter = {});

 private:
  struct Record {
    std::vector<Tensor> inputs;  // those to keep; others undefined
    std::vector<Shape> input_shapes;
    Tensor output;
    std::vector<Tensor> saved;
  };

  const Graph& graph_;
  PassContext context_;
  std::vector<Record> records_;  // by node id; empty once used
  Shape output_shape_;
  Device output_device_;
};

}  // namespace hush
