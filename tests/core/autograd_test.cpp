// The engine: values and gradients through shared, diamond-shaped and unused parts of a graph,
// and how much memory a pass holds.
#include "core/autograd.h"

#include <gtest/gtest.h>

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/loss.h"
#include "core/random.h"
#include "core/storage.h"

namespace hush {
namespace {

Tensor vector_of(std::vector<float> values) {
  return Tensor::from({std::int64_t(values.size())}, values);
}

std::vector<float> values_of(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

NodeId map(Graph& graph, Unary f, NodeId x) {
  return graph.add("map", std::make_shared<Map>(f), {x});
}
NodeId add(Graph& graph, NodeId a, NodeId b) {
  return graph.add("add", std::make_shared<Add>(), {a, b});
}
NodeId multiply(Graph& graph, NodeId a, NodeId b) {
  return graph.add("multiply", std::make_shared<Multiply>(), {a, b});
}

TEST(AutogradTest, ValueUsedTwiceByOneOpGetsBothGradients) {
  Graph graph;
  const NodeId x = graph.add_parameter("x", vector_of({3, -2}));
  graph.set_output(multiply(graph, x, x));
  TrainingPass pass(graph, {});
  EXPECT_EQ(values_of(pass.forward({})), (std::vector<float>{9, 4}));
  EXPECT_EQ(values_of(pass.backward()[std::size_t(x)]), (std::vector<float>{6, -4}));
}

TEST(AutogradTest, DiamondAddsTheGradientsOfItsSides) {
  // y = x² + relu(x) · x, from one x with three uses
  Graph graph;
  const NodeId x = graph.add_parameter("x", vector_of({3, -2, 0.5f}));
  const NodeId square = map(graph, Unary::square, x), relu = map(graph, Unary::relu, x);
  graph.set_output(add(graph, square, multiply(graph, relu, x)));
  TrainingPass pass(graph, {});
  EXPECT_EQ(values_of(pass.forward({})), (std::vector<float>{18, 4, 0.5f}));
  EXPECT_EQ(values_of(pass.backward()[std::size_t(x)]), (std::vector<float>{12, -4, 2}));
}

TEST(AutogradTest, SharedGradientIsNotOverwritten) {
  // add hands one gradient to both sides; relu's backward wants to write over it.
  Graph graph;
  const NodeId x = graph.add_parameter("x", vector_of({1, -1}));
  const NodeId y = graph.add_parameter("y", vector_of({2, 2}));
  const NodeId sum = add(graph, map(graph, Unary::relu, x), map(graph, Unary::negate, y));
  graph.set_output(add(graph, sum, map(graph, Unary::sigmoid, y)));
  TrainingPass pass(graph, {});
  pass.forward({});
  const std::vector<Tensor> gradients = pass.backward();
  const float slope = 1 / (1 + std::exp(-2.0f)) * (1 - 1 / (1 + std::exp(-2.0f)));
  EXPECT_EQ(values_of(gradients[std::size_t(x)]), (std::vector<float>{1, 0}));
  for (const float d : values_of(gradients[std::size_t(y)])) EXPECT_NEAR(d, slope - 1, 1e-6);
}

TEST(AutogradTest, OutputGradientBelongsToTheCaller) {
  Graph graph;
  const NodeId x = graph.add_parameter("x", vector_of({1, -1}));
  graph.set_output(map(graph, Unary::relu, x));
  TrainingPass pass(graph, {});
  pass.forward({});
  const Tensor given = vector_of({5, 7});
  EXPECT_EQ(values_of(pass.backward({}, given)[std::size_t(x)]), (std::vector<float>{5, 0}));
  EXPECT_EQ(values_of(given), (std::vector<float>{5, 7}));
}

TEST(AutogradTest, ParametersAndInputsKeepTheirValues) {
  Graph graph;
  const NodeId x = graph.add_input("x", {1, 3});
  const NodeId w = graph.add_parameter("w", Tensor::from({1, 3}, std::vector<float>{1, -2, 3}));
  graph.set_output(map(graph, Unary::relu, add(graph, map(graph, Unary::negate, x), w)));
  const Tensor input = Tensor::from({1, 3}, std::vector<float>{4, 5, 6});
  evaluate(graph, {&input, 1});
  TrainingPass pass(graph, {});
  pass.forward({&input, 1});
  pass.backward();
  EXPECT_EQ(values_of(input), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(values_of(graph[w].value), (std::vector<float>{1, -2, 3}));
}

TEST(AutogradTest, UnusedParametersHaveZeroGradients) {
  Graph graph;
  const NodeId x = graph.add_parameter("x", vector_of({1}));
  const NodeId unused = graph.add_parameter("unused", vector_of({1, 2, 3}));
  const NodeId dead = graph.add_parameter("dead", vector_of({4}));
  map(graph, Unary::square, dead);  // computed, but the output does not depend on it
  graph.set_output(map(graph, Unary::square, x));
  TrainingPass pass(graph, {});
  pass.forward({});
  const std::vector<Tensor> gradients = pass.backward();
  EXPECT_EQ(values_of(gradients[std::size_t(x)]), (std::vector<float>{2}));
  EXPECT_EQ(values_of(gradients[std::size_t(unused)]), (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(values_of(gradients[std::size_t(dead)]), (std::vector<float>{0}));
}

TEST(AutogradTest, InputsHaveGradientsOnlyOnRequest) {
  Graph graph;
  const NodeId x = graph.add_input("x", {2});
  const NodeId w = graph.add_parameter("w", vector_of({3, 4}));
  graph.set_output(multiply(graph, x, w));
  const Tensor input = vector_of({5, 6});
  TrainingPass pass(graph, {});
  pass.forward({&input, 1});
  EXPECT_FALSE(pass.backward()[std::size_t(x)].defined());
  pass.forward({&input, 1});
  EXPECT_EQ(values_of(pass.backward({&x, 1})[std::size_t(x)]), (std::vector<float>{3, 4}));
}

TEST(AutogradTest, BackwardNeedsItsOwnForward) {
  Graph graph;
  graph.set_output(map(graph, Unary::square, graph.add_parameter("x", vector_of({1}))));
  TrainingPass pass(graph, {});
  EXPECT_THROW(pass.backward(), ArgumentError);
  pass.forward({});
  pass.backward();
  EXPECT_THROW(pass.backward(), ArgumentError);
}

TEST(AutogradTest, WrongNumberOfInputsIsRefused) {
  Graph graph;
  graph.set_output(map(graph, Unary::square, graph.add_input("x", {1})));
  const std::vector<Tensor> two(2, vector_of({1}));
  EXPECT_THROW(evaluate(graph, {}), ArgumentError);
  EXPECT_THROW(evaluate(graph, two), ArgumentError);
  EXPECT_THROW(evaluate(Graph(), {}), ArgumentError);
}

TEST(AutogradTest, ObserverSeesEveryOpOnceAndMayKeepValues) {
  Graph graph;
  const NodeId x = graph.add_input("x", {2});
  const NodeId negated = map(graph, Unary::negate, x), relu = map(graph, Unary::relu, negated);
  graph.set_output(relu);
  const Tensor input = vector_of({1, -2});
  std::vector<NodeId> seen;
  std::vector<Tensor> kept;
  evaluate(graph, {&input, 1}, {}, [&](NodeId node, const Tensor& value) {
    seen.push_back(node);
    kept.push_back(value);
  });
  EXPECT_EQ(seen, (std::vector<NodeId>{negated, relu}));
  EXPECT_EQ(values_of(kept[0]), (std::vector<float>{-1, 2})) << "overwritten by a later op";
  EXPECT_EQ(values_of(kept[1]), (std::vector<float>{0, 2}));
}

// Peak memory of f beyond what is held when it starts, in tensors of `bytes`.
template <class F>
double peak_tensors(std::size_t bytes, F f) {
  host_pool().reset_peak();
  const std::size_t before = host_pool().use().live_bytes;
  f();
  return double(host_pool().use().peak_bytes - before) / double(bytes);
}

TEST(AutogradMemoryTest, InferenceHoldsOneValueOfAChain) {
  constexpr std::int64_t kCount = 1 << 16;
  Graph graph;
  NodeId node = graph.add_input("x", {kCount});
  for (int i = 0; i < 20; ++i) node = map(graph, Unary::negate, node);
  graph.set_output(node);
  const Tensor input = Tensor::zeros({kCount}, DType::float32);
  EXPECT_EQ(peak_tensors(input.bytes(), [&] { evaluate(graph, {&input, 1}); }), 1);
}

TEST(AutogradMemoryTest, TrainingKeepsWhatBackwardNeedsAndFreesIt) {
  constexpr std::int64_t kCount = 1 << 16;
  Graph graph;
  NodeId node = graph.add_parameter("x", Tensor::full({kCount}, 1));
  // Each pair keeps one value: sigmoid's output. The negation works in place, both ways.
  constexpr int kPairs = 10;
  for (int i = 0; i < kPairs; ++i)
    node = map(graph, Unary::negate, map(graph, Unary::sigmoid, node));
  graph.set_output(node);
  const std::size_t bytes = graph[0].value.bytes(), before = host_pool().use().live_bytes;
  const double peak = peak_tensors(bytes, [&] {
    TrainingPass pass(graph, {});
    pass.forward({});
    pass.backward();
  });
  // All kept values, the output, and the gradient.
  EXPECT_LE(peak, kPairs + 2);
  EXPECT_GE(peak, kPairs + 1);
  EXPECT_EQ(host_pool().use().live_bytes, before);
}

TEST(AutogradTest, PassesAreReproducibleBitForBit) {
  Graph graph;
  RandomStream random(1, RandomUse::test);
  const auto filled = [&](const Shape& shape) {
    const Tensor t = Tensor::empty(shape, DType::float32);
    for (float& x : t.values<float>()) x = random.normal();
    return t;
  };
  const NodeId x = graph.add_input("x", {1, 9, 9, 8});
  const NodeId w = graph.add_parameter("w", filled({3, 3, 8, 16}));
  const NodeId y = graph.add("conv", std::make_shared<Conv2d>(ConvOptions{1, 1, 1}), {x, w});
  graph.set_output(map(graph, Unary::relu, y));
  const Tensor input = filled({8, 9, 9, 8});
  const auto gradient = [&] {
    TrainingPass pass(graph, {});
    pass.forward({&input, 1});
    return values_of(pass.backward()[std::size_t(w)]);
  };
  EXPECT_EQ(gradient(), gradient());
}

TEST(AutogradTest, GradientsOfParametersAreToldWhenTheyAreWhole) {
  // y = (a b) (a c): c's gradient is whole first, a's after both of its uses
  Graph graph;
  const NodeId a = graph.add_parameter("a", vector_of({2})),
               b = graph.add_parameter("b", vector_of({3})),
               unused = graph.add_parameter("unused", vector_of({7, 8})),
               c = graph.add_parameter("c", vector_of({5}));
  const NodeId left = multiply(graph, a, b), right = multiply(graph, a, c);
  graph.set_output(multiply(graph, left, right));
  TrainingPass pass(graph, {});
  pass.forward({});
  std::vector<std::pair<NodeId, std::vector<float>>> told;
  const std::vector<Tensor> gradients =
      pass.backward({}, {}, [&](NodeId parameter, const Tensor& gradient) {
        told.emplace_back(parameter, values_of(gradient));
      });
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[0].first, c);
  EXPECT_EQ(told[3].first, unused);
  for (const auto& [parameter, gradient] : told)
    EXPECT_EQ(gradient, values_of(gradients[std::size_t(parameter)])) << parameter;
  EXPECT_EQ(values_of(gradients[std::size_t(a)]), (std::vector<float>{60}));
}

}  // namespace
}  // namespace hush
