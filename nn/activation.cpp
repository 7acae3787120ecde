#include "nn/activation.h"

#include <algorithm>

#include "core/ops/elementwise.h"

namespace hush::nn {
namespace {

bool is_map(const Node& node, Unary f) {
  const auto* map = dynamic_cast<const Map*>(node.op.get());
  return map != nullptr && map->function() == f;
}

}  // namespace

Graph with_activation(const Graph& graph, std::string_view name) {
  if (name.empty()) return graph;
  require(name == "relu" || name == "silu", "no activation '{}'; there are silu, relu", name);
  const Unary to = name == "relu" ? Unary::relu : Unary::silu;
  const Unary from = name == "relu" ? Unary::silu : Unary::relu;
  const auto has = [&](Unary f) {
    return std::ranges::any_of(graph.nodes(), [&](const Node& node) { return is_map(node, f); });
  };
  require(has(from) || has(to), "the network has no activation to be {}", name);
  Graph result;
  std::vector<NodeId> place;
  place.reserve(std::size_t(graph.size()));
  for (const Node& node : graph.nodes())
    place.push_back(is_map(node, from) ? result.add(node.name, std::make_shared<Map>(to),
                                                    {place[std::size_t(node.inputs[0])]})
                                       : result.add_copy(node, place));
  result.set_output(place[std::size_t(graph.output())]);
  return result;
}

}  // namespace hush::nn
