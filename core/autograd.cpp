#include "core/autograd.h"

#include <algorithm>

#include "core/backend.h"

namespace hush {
namespace {

// Walks the graph forward, dropping each value after its last use. `visit(node, inputs)` gets
// the op's inputs, as sole owner where nobody else needs them, and returns its output.
template <class Visit>
Tensor walk(const Graph& graph, std::span<const Tensor> given, Visit visit) {
  require(graph.output() >= 0, "evaluate: the graph has no output");
  std::vector<int> uses = graph.use_counts();
  std::vector<Tensor> values(std::size_t(graph.size()));
  std::size_t next_input = 0;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    Tensor& value = values[std::size_t(id)];
    if (node.kind == NodeKind::input) {
      require(next_input < given.size(), "evaluate: no tensor for input '{}'", node.name);
      value = given[next_input++];
    } else if (node.kind != NodeKind::op) {
      value = node.value;
    } else {
      std::vector<Tensor> inputs;
      inputs.reserve(node.inputs.size());
      for (const NodeId input : node.inputs) {
        Tensor& source = values[std::size_t(input)];
        const bool last = --uses[std::size_t(input)] == 0;
        inputs.push_back(last ? std::move(source) : source);
      }
      value = visit(id, inputs);
    }
    if (uses[std::size_t(id)] == 0) value = {};
  }
  require(next_input == given.size(), "evaluate: {} inputs given, the graph has {}", given.size(),
          next_input);
  return values[std::size_t(graph.output())];
}

// Adds `gradient` to `sum`, in sum's memory unless somebody else holds it.
void accumulate(Tensor& sum, Tensor gradient) {
  if (!sum.defined()) {
    sum = std::move(gradient);
    return;
  }
  if (!sum.unique() && gradient.unique()) std::swap(sum, gradient);
  const Tensor target = sum.unique() ? sum : Tensor::empty(sum.shape(), sum.dtype(), sum.device());
  backend(sum.device()).zip(Binary::add, sum, gradient, target);
  sum = target;
}

// Marks the nodes whose gradient is needed: parameters, `also`, and all that depends on them.
std::vector<char> needs_gradient(const Graph& graph, std::span<const NodeId> also) {
  std::vector<char> needed(std::size_t(graph.size()), 0);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    bool need = node.kind == NodeKind::parameter || std::ranges::count(also, id) > 0;
    for (const NodeId input : node.inputs) need |= needed[std::size_t(input)] != 0;
    needed[std::size_t(id)] = need;
  }
  return needed;
}

// By node id: the parameters whose gradient is whole once that op's backward pass is done.
std::vector<std::vector<NodeId>> completed_parameters(const Graph& graph) {
  std::vector<std::vector<NodeId>> result(std::size_t(graph.size()));
  std::vector<char> seen(std::size_t(graph.size()), 0);
  for (NodeId id = 0; id < graph.size(); ++id)
    for (const NodeId input : graph[id].inputs)
      if (graph[input].kind == NodeKind::parameter && seen[std::size_t(input)]++ == 0)
        result[std::size_t(id)].push_back(input);
  return result;
}

}  // namespace

Tensor evaluate(const Graph& graph, std::span<const Tensor> inputs, const PassContext& context) {
  return evaluate(graph, inputs, context, {});
}

Tensor evaluate(const Graph& graph, std::span<const Tensor> inputs, const PassContext& context,
                const Observer& observer) {
  return walk(graph, inputs, [&](NodeId id, std::vector<Tensor>& arguments) {
    std::vector<Tensor> saved;
    Tensor output = graph[id].op->forward(context, arguments, saved);
    if (observer) observer(id, output);
    return output;
  });
}

TrainingPass::TrainingPass(const Graph& graph, const PassContext& context)
    : graph_(graph), context_(context) {
  context_.training = true;
}

Tensor TrainingPass::forward(std::span<const Tensor> inputs, const Observer& observer) {
  records_.assign(std::size_t(graph_.size()), {});
  Tensor output = walk(graph_, inputs, [&](NodeId id, std::vector<Tensor>& arguments) {
    const Op& op = *graph_[id].op;
    Record& record = records_[std::size_t(id)];
    const Keep keep = op.keep();
    record.inputs.resize(arguments.size());
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      record.input_shapes.push_back(arguments[i].shape());
      if (keep.inputs >> i & 1) record.inputs[i] = arguments[i];
    }
    Tensor value = op.forward(context_, arguments, record.saved);
    if (keep.output) record.output = value;
    if (observer) observer(id, value);
    return value;
  });
  output_shape_ = output.shape();
  output_device_ = output.device();
  return output;
}

std::vector<Tensor> TrainingPass::backward(std::span<const NodeId> also, const Tensor& grad_output,
                                           const Observer& on_parameter) {
  require(!records_.empty(), "backward: call forward first, once for each backward");
  const std::vector<char> needed = needs_gradient(graph_, also);
  std::vector<Tensor> gradients(std::size_t(graph_.size()));
  gradients[std::size_t(graph_.output())] =
      grad_output.defined() ? grad_output : Tensor::full(output_shape_, 1.0f, output_device_);

  const std::vector<std::vector<NodeId>> completed = completed_parameters(graph_);
  std::vector<char> told(std::size_t(graph_.size()), 0);
  const auto tell = [&](NodeId parameter) {
    const Tensor& gradient = gradients[std::size_t(parameter)];
    if (!on_parameter || !gradient.defined() || told[std::size_t(parameter)]++ > 0) return;
    on_parameter(parameter, gradient);
  };

  for (NodeId id = graph_.size() - 1; id >= 0; --id) {
    const Node& node = graph_[id];
    Record record = std::move(records_[std::size_t(id)]);
    if (node.kind != NodeKind::op || !needed[std::size_t(id)]) continue;
    Tensor gradient = std::move(gradients[std::size_t(id)]);
    if (!gradient.defined()) continue;  // does not reach the output
    const std::size_t count = node.inputs.size();
    const auto wanted = std::make_unique<bool[]>(count);
    for (std::size_t i = 0; i < count; ++i) wanted[i] = needed[std::size_t(node.inputs[i])] != 0;
    BackwardArguments arguments{record.inputs,       record.output,         record.saved,
                                std::move(gradient), {wanted.get(), count}, record.input_shapes};
    std::vector<Tensor> input_gradients = node.op->backward(context_, arguments);
    arguments.grad_output = {};
    require(input_gradients.size() == count, "backward: {} returned {} gradients for {} inputs",
            node.op->name(), input_gradients.size(), count);
    for (std::size_t i = 0; i < count; ++i)
      if (wanted[i] && input_gradients[i].defined())
        accumulate(gradients[std::size_t(node.inputs[i])], std::move(input_gradients[i]));
    for (const NodeId parameter : completed[std::size_t(id)]) tell(parameter);
  }
  records_.clear();
  for (const NodeId id : graph_.of_kind(NodeKind::parameter)) {
    if (Tensor& g = gradients[std::size_t(id)]; !g.defined())  // a parameter that is not used
      g = Tensor::zeros(graph_[id].value.shape(), DType::float32, graph_[id].value.device());
    tell(id);
  }
  return gradients;
}

}  // namespace hush
