// Graph: a network as a list of nodes in topological order. The same object is trained,
// evaluated in the clear, counted, folded and evaluated on secret shares.
//
// Invariants: (1) a node's inputs have smaller indices; (2) a leaf has no op, an inner node has
// one; (3) leaf names are unique; (4) parameters and buffers hold a tensor, inputs hold none.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/op.h"

namespace hush {

using NodeId = int;

enum class NodeKind : std::uint8_t {
  input,      // given at each evaluation: images, labels
  parameter,  // trained
  buffer,     // changed by training but has no gradient: running statistics
  op,
};

struct Node {
  NodeKind kind = NodeKind::op;
  // Leaves: the name in a checkpoint, "layer1.0.conv1.weight". Ops: the module that made it.
  std::string name;
  std::shared_ptr<const Op> op;
  std::vector<NodeId> inputs;
  Tensor value;  // parameters and buffers
  Shape shape;   // inputs: what one image (N = 1) looks like
};

class Graph {
 public:
  NodeId add_input(std::string name, const Shape& shape);
  NodeId add_parameter(std::string name, Tensor value);
  NodeId add_buffer(std::string name, Tensor value);
  NodeId add(std::string name, std::shared_ptr<const Op> op, std::vector<NodeId> inputs);
  // Adds a node of another graph; its input i is here node place[i].
  NodeId add_copy(const Node& node, std::span<const NodeId> place);
  // Which node evaluation computes.
  void set_output(NodeId node);

  NodeId output() const { return output_; }
  int size() const { return int(nodes_.size()); }
  const Node& operator[](NodeId node) const { return nodes_.at(std::size_t(node)); }
  const std::vector<Node>& nodes() const { return nodes_; }
  // Nodes of one kind, in order.
  std::vector<NodeId> of_kind(NodeKind kind) const;
  // The leaf of that name, or -1.
  NodeId find(std::string_view name) const;
  // Exchanges the tensor of a parameter or buffer; shape and dtype must be the old ones.
  void set_value(NodeId leaf, Tensor value);
  // How many nodes (and the output) use each node's value.
  std::vector<int> use_counts() const;

  // The shape of every node's value when the inputs have these shapes (by default, one image).
  std::vector<Shape> shapes(std::span<const Shape> inputs = {}) const;
  // What each node costs for one image; leaves cost nothing.
  std::vector<OpCount> counts() const;
  // The sum of all.
  OpCount count() const;
  // Elements of all parameters.
  std::int64_t parameter_count() const;
  // The structure in canonical text: ops, options, edges, shapes; no values. Two parties that
  // hold the same text hold the same network.
  std::string structure_text() const;
  // A graph with the same nodes whose parameters and buffers have memory of their own on
  // `device`.
  Graph copied_to(Device device) const;

 private:
  NodeId add_node(Node node);

  std::vector<Node> nodes_;
  NodeId output_ = -1;
};

}  // namespace hush
