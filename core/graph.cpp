#include "core/graph.h"

#include <fmt/ranges.h>

namespace hush {

NodeId Graph::add_node(Node node) {
  if (node.kind != NodeKind::op)
    require(find(node.name) < 0, "graph: two leaves are named '{}'", node.name);
  nodes_.push_back(std::move(node));
  return size() - 1;
}

NodeId Graph::add_input(std::string name, const Shape& shape) {
  return add_node({NodeKind::input, std::move(name), nullptr, {}, {}, shape});
}

NodeId Graph::add_parameter(std::string name, Tensor value) {
  require(value.defined(), "graph: parameter '{}' has no value", name);
  const Shape shape = value.shape();
  return add_node({NodeKind::parameter, std::move(name), nullptr, {}, std::move(value), shape});
}

NodeId Graph::add_buffer(std::string name, Tensor value) {
  require(value.defined(), "graph: buffer '{}' has no value", name);
  const Shape shape = value.shape();
  return add_node({NodeKind::buffer, std::move(name), nullptr, {}, std::move(value), shape});
}

NodeId Graph::add(std::string name, std::shared_ptr<const Op> op, std::vector<NodeId> inputs) {
  require(op != nullptr, "graph: node '{}' has no op", name);
  for (const NodeId input : inputs)
    require(input >= 0 && input < size(), "graph: '{}' uses node {}, which does not exist", name,
            input);
  return add_node({NodeKind::op, std::move(name), std::move(op), std::move(inputs), {}, {}});
}

NodeId Graph::add_copy(const Node& node, std::span<const NodeId> place) {
  switch (node.kind) {
    case NodeKind::input:
      return add_input(node.name, node.shape);
    case NodeKind::parameter:
      return add_parameter(node.name, node.value);
    case NodeKind::buffer:
      return add_buffer(node.name, node.value);
    case NodeKind::op:
      break;
  }
  std::vector<NodeId> inputs;
  inputs.reserve(node.inputs.size());
  for (const NodeId input : node.inputs) inputs.push_back(place[std::size_t(input)]);
  return add(node.name, node.op, std::move(inputs));
}

void Graph::set_output(NodeId node) {
  require(node >= 0 && node < size(), "graph: no node {} to be the output", node);
  output_ = node;
}

std::vector<NodeId> Graph::of_kind(NodeKind kind) const {
  std::vector<NodeId> result;
  for (NodeId i = 0; i < size(); ++i)
    if (nodes_[std::size_t(i)].kind == kind) result.push_back(i);
  return result;
}

NodeId Graph::find(std::string_view name) const {
  for (NodeId i = 0; i < size(); ++i)
    if (nodes_[std::size_t(i)].kind != NodeKind::op && nodes_[std::size_t(i)].name == name)
      return i;
  return -1;
}

void Graph::set_value(NodeId leaf, Tensor value) {
  Node& node = nodes_.at(std::size_t(leaf));
  require(node.kind == NodeKind::parameter || node.kind == NodeKind::buffer,
          "graph: '{}' holds no tensor", node.name);
  require(value.shape() == node.value.shape() && value.dtype() == node.value.dtype(),
          "graph: '{}' is {}, not {}", node.name, node.value.text(), value.text());
  node.value = std::move(value);
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> uses(nodes_.size(), 0);
  for (const Node& node : nodes_)
    for (const NodeId input : node.inputs) ++uses[std::size_t(input)];
  if (output_ >= 0) ++uses[std::size_t(output_)];
  return uses;
}

std::vector<Shape> Graph::shapes(std::span<const Shape> inputs) const {
  std::vector<Shape> result;
  result.reserve(nodes_.size());
  std::size_t next_input = 0;
  for (const Node& node : nodes_) {
    if (node.kind == NodeKind::op) {
      std::vector<Shape> arguments;
      for (const NodeId input : node.inputs) arguments.push_back(result[std::size_t(input)]);
      result.push_back(node.op->output_shape(arguments));
    } else if (node.kind == NodeKind::input && !inputs.empty()) {
      require(next_input < inputs.size(), "graph: no shape for input '{}'", node.name);
      result.push_back(inputs[next_input++]);
    } else {
      result.push_back(node.shape);
    }
  }
  return result;
}

std::vector<OpCount> Graph::counts() const {
  const std::vector<Shape> all = shapes();
  std::vector<OpCount> result(nodes_.size());
  for (std::size_t id = 0; id < nodes_.size(); ++id) {
    const Node& node = nodes_[id];
    if (node.kind != NodeKind::op) continue;
    std::vector<Shape> arguments;
    std::vector<Tensor> leaves;
    for (const NodeId input : node.inputs) {
      arguments.push_back(all[std::size_t(input)]);
      leaves.push_back(nodes_[std::size_t(input)].value);
    }
    result[id] = node.op->count(arguments, leaves);
  }
  return result;
}

OpCount Graph::count() const {
  OpCount total;
  for (const OpCount& one : counts()) {
    total.macs += one.macs;
    total.relus += one.relus;
  }
  return total;
}

std::int64_t Graph::parameter_count() const {
  std::int64_t total = 0;
  for (const Node& node : nodes_)
    if (node.kind == NodeKind::parameter) total += node.value.elements();
  return total;
}

std::string Graph::structure_text() const {
  const std::vector<Shape> all = shapes();
  std::string text;
  for (NodeId i = 0; i < size(); ++i) {
    const Node& node = (*this)[i];
    const char* kinds[] = {"input", "parameter", "buffer", ""};
    text += fmt::format("{}: {} {} {} ({}) -> {}\n", i,
                        node.op ? node.op->name() : kinds[std::size_t(node.kind)], node.name,
                        node.op ? node.op->options_text() : "", fmt::join(node.inputs, ", "),
                        all[std::size_t(i)].text());
  }
  return text + fmt::format("output: {}\n", output_);
}

Graph Graph::copied_to(Device device) const {
  Graph result = *this;
  for (Node& node : result.nodes_) {
    if (!node.value.defined()) continue;
    const Tensor moved = Tensor::empty(node.value.shape(), node.value.dtype(), device);
    moved.assign(node.value);
    node.value = moved;
  }
  return result;
}

}  // namespace hush
