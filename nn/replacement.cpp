#include "nn/replacement.h"

#include <algorithm>
#include <numeric>

#include "core/ops/elementwise.h"
#include "core/ops/gated_activation.h"

namespace hush::nn {
namespace {

bool is_relu(const Node& node) {
  const auto* map = dynamic_cast<const Map*>(node.op.get());
  return map != nullptr && map->function() == Unary::relu;
}

bool is_gated(const Node& node) {
  return dynamic_cast<const GatedActivation*>(node.op.get()) != nullptr;
}

Tensor identity_coefficients(std::int64_t channels) {
  Tensor result = Tensor::zeros({3, channels}, DType::float32);
  const auto c1 = result.values<float>().subspan(std::size_t(channels), std::size_t(channels));
  std::ranges::fill(c1, 1.0f);
  return result;
}

// Adds the activation with its leaves in place of ReLU `node`; `shape` is one image's.
NodeId add_gated(Graph& graph, const std::string& name, NodeId input, const Shape& shape,
                 bool trainable) {
  Shape map;
  for (int axis = 1; axis < shape.rank(); ++axis) map.append(shape[axis]);
  const std::int64_t channels = shape[-1];
  const NodeId gate = graph.add_buffer(name + ".gate", Tensor::full(map, 1));
  const Tensor identity = identity_coefficients(channels);
  const NodeId coefficients = trainable ? graph.add_parameter(name + ".coefficients", identity)
                                        : graph.add_buffer(name + ".coefficients", identity);
  const NodeId mean = graph.add_buffer(name + ".running_mean", Tensor::full({channels}, 0));
  const NodeId variance = graph.add_buffer(name + ".running_var", Tensor::full({channels}, 1));
  return graph.add(name, std::make_shared<GatedActivation>(),
                   {input, gate, coefficients, mean, variance});
}

NodeId add_copy(Graph& graph, const Node& node, const std::vector<NodeId>& place) {
  switch (node.kind) {
    case NodeKind::input:
      return graph.add_input(node.name, node.shape);
    case NodeKind::parameter:
      return graph.add_parameter(node.name, node.value);
    case NodeKind::buffer:
      return graph.add_buffer(node.name, node.value);
    case NodeKind::op:
      break;
  }
  std::vector<NodeId> inputs;
  for (const NodeId input : node.inputs) inputs.push_back(place[std::size_t(input)]);
  return graph.add(node.name, node.op, std::move(inputs));
}

}  // namespace

Graph replace_relus(const Graph& graph, bool trainable_coefficients) {
  require(!is_replaced(graph), "the network's ReLUs have been replaced already");
  require(std::ranges::any_of(graph.nodes(), is_relu), "the network has no ReLU to replace");
  const std::vector<Shape> shapes = graph.shapes();
  Graph result;
  std::vector<NodeId> place;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    place.push_back(is_relu(node) ? add_gated(result, node.name, place[std::size_t(node.inputs[0])],
                                              shapes[std::size_t(id)], trainable_coefficients)
                                  : add_copy(result, node, place));
  }
  result.set_output(place[std::size_t(graph.output())]);
  return result;
}

std::vector<GatedLayer> gated_layers(const Graph& graph) {
  std::vector<GatedLayer> result;
  for (const Node& node : graph.nodes()) {
    if (!is_gated(node)) continue;
    const std::vector<NodeId>& in = node.inputs;
    const Node& source = graph[in[0]];
    result.push_back({.name = node.name,
                      .input = in[0],
                      .gate = in[1],
                      .coefficients = in[2],
                      .mean = in[3],
                      .variance = in[4],
                      .elements = graph[in[1]].value.elements(),
                      .in_stream = dynamic_cast<const Add*>(source.op.get()) != nullptr});
  }
  return result;
}

bool is_replaced(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), is_gated);
}

std::vector<std::int64_t> open_gates(const Graph& graph, const std::vector<GatedLayer>& layers) {
  std::vector<std::int64_t> result;
  result.reserve(layers.size());
  for (const GatedLayer& layer : layers) {
    const Tensor gate = graph[layer.gate].value.to(Device{});
    result.push_back(std::ranges::count_if(gate.values<float>(), [](float m) { return m != 0; }));
  }
  return result;
}

void refresh_coefficients(const Graph& graph, const std::vector<GatedLayer>& layers,
                          const PolynomialChoice& choice,
                          const std::vector<std::vector<float>>& reach) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const GatedLayer& layer = layers[i];
    fill_coefficients(choice.kind, graph[layer.mean].value, graph[layer.variance].value,
                      layer.in_stream ? choice.stream : choice.branch,
                      graph[layer.coefficients].value,
                      reach.empty() ? std::span<const float>{} : std::span(reach[i]));
  }
}

}  // namespace hush::nn
