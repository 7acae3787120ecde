// The graph itself: leaves, invariants, shapes, counts and canonical text.
#include "core/graph.h"

#include <gtest/gtest.h>

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"

namespace hush {
namespace {

// conv → relu, and a second use of the input.
Graph small_graph() {
  Graph graph;
  const NodeId x = graph.add_input("images", {1, 4, 4, 2});
  const NodeId w = graph.add_parameter("conv.weight", Tensor::full({3, 3, 2, 2}, 1));
  const NodeId y = graph.add("conv", std::make_shared<Conv2d>(ConvOptions{1, 1, 1}), {x, w});
  const NodeId z = graph.add("relu", std::make_shared<Map>(Unary::relu), {y});
  graph.set_output(graph.add("add", std::make_shared<Add>(), {z, x}));
  return graph;
}

TEST(GraphTest, LeavesAreFoundByName) {
  Graph graph = small_graph();
  EXPECT_EQ(graph.find("conv.weight"), 1);
  EXPECT_EQ(graph.find("conv"), -1) << "an op is no leaf";
  EXPECT_EQ(graph.of_kind(NodeKind::op), (std::vector<NodeId>{2, 3, 4}));
  EXPECT_THROW(graph.add_input("conv.weight", {1}), ArgumentError);
}

TEST(GraphTest, NodesUseOnlyWhatExists) {
  Graph graph;
  const auto op = std::make_shared<Map>(Unary::relu);
  EXPECT_THROW(graph.add("relu", op, {0}), ArgumentError);
  EXPECT_THROW(graph.add("relu", op, {-1}), ArgumentError);
  EXPECT_THROW(graph.add("relu", nullptr, {}), ArgumentError);
  EXPECT_THROW(graph.add_parameter("w", Tensor()), ArgumentError);
  EXPECT_THROW(graph.set_output(0), ArgumentError);
}

TEST(GraphTest, ValuesAreExchangedForTheirLike) {
  Graph graph = small_graph();
  const Tensor other = Tensor::full({3, 3, 2, 2}, 5);
  graph.set_value(1, other);
  EXPECT_TRUE(graph[1].value.same_memory(other));
  EXPECT_THROW(graph.set_value(1, Tensor::full({2}, 1)), ArgumentError);
  EXPECT_THROW(graph.set_value(1, Tensor::zeros({3, 3, 2, 2}, DType::int32)), ArgumentError);
  EXPECT_THROW(graph.set_value(0, other), ArgumentError);
}

TEST(GraphTest, ShapesAndCountsForOneImage) {
  const Graph graph = small_graph();
  EXPECT_EQ(graph.shapes()[4], (Shape{1, 4, 4, 2}));
  const Shape batch{5, 6, 4, 2};
  EXPECT_EQ(graph.shapes({&batch, 1})[3], batch);
  EXPECT_EQ(graph.count().macs, 4 * 4 * 2 * 18);
  EXPECT_EQ(graph.count().relus, 4 * 4 * 2);
  EXPECT_EQ(graph.parameter_count(), 36);
  EXPECT_EQ(graph.use_counts(), (std::vector<int>{2, 1, 1, 1, 1}));
}

TEST(GraphTest, TextTellsStructureApartAndIgnoresValues) {
  const Graph a = small_graph();
  Graph b = small_graph();
  b.set_value(1, Tensor::full({3, 3, 2, 2}, -4));
  EXPECT_EQ(a.structure_text(), b.structure_text());
  b.set_output(3);
  EXPECT_NE(a.structure_text(), b.structure_text());
}

TEST(GraphTest, CopyHasTensorsOfItsOwn) {
  const Graph graph = small_graph();
  const Graph copy = graph.copied_to({});
  EXPECT_FALSE(copy[1].value.same_memory(graph[1].value));
  EXPECT_EQ(copy[1].value.values<float>()[35], 1);
  EXPECT_EQ(copy.structure_text(), graph.structure_text());
}

}  // namespace
}  // namespace hush
