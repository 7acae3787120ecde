// Graph passes: the same values and gradients before and after, and the shape they leave behind.
#include "core/passes.h"

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/pool.h"
#include "core/random.h"
#include "tests/support/op_conformance.h"

namespace hush {
namespace {

// Builds small networks with random parameters and running statistics.
class Network {
 public:
  Network() { images_ = graph.add_input("images", {1, 6, 6, 4}); }

  NodeId images() const { return images_; }
  NodeId conv(const std::string& name, NodeId x, int in, int out, int stride = 1,
              bool bias = false) {
    std::vector<NodeId> inputs{x, parameter(name + ".weight", {3, 3, in, out}, 0, 0.3f)};
    if (bias) inputs.push_back(parameter(name + ".bias", {out}, 0, 1));
    return graph.add(
        name, std::make_shared<Conv2d>(ConvOptions{stride, 1, 1}, Conv2d::Extras{.bias = bias}),
        inputs);
  }
  NodeId norm(const std::string& name, NodeId x, int channels) {
    const Shape c{channels};
    return graph.add(
        name, std::make_shared<BatchNorm>(BatchNormOptions{}),
        {x, parameter(name + ".weight", c, 1, 0.2f), parameter(name + ".bias", c, 0, 0.5f),
         graph.add_buffer(name + ".running_mean", random_tensor(c, 0, 0.5f)),
         graph.add_buffer(name + ".running_var", random_tensor(c, 2, 0.2f))});
  }
  NodeId relu(NodeId x) { return graph.add("relu", std::make_shared<Map>(Unary::relu), {x}); }
  NodeId add(NodeId a, NodeId b) { return graph.add("add", std::make_shared<Add>(), {a, b}); }
  void finish(NodeId x, int channels) {
    const NodeId pooled =
        graph.add("pool", std::make_shared<Pool>(PoolOptions{PoolKind::average, 0, 1, 0}), {x});
    graph.set_output(graph.add(
        "fc", std::make_shared<Linear>(true),
        {pooled, parameter("fc.weight", {channels, 5}, 0, 0.5f), parameter("fc.bias", {5}, 0, 1)}));
  }

  Graph graph;

 private:
  Tensor random_tensor(const Shape& shape, float mean, float deviation) {
    const Tensor t = Tensor::empty(shape, DType::float32);
    for (float& x : t.values<float>()) x = mean + deviation * random_.normal();
    return t;
  }
  NodeId parameter(const std::string& name, const Shape& shape, float mean, float deviation) {
    return graph.add_parameter(name, random_tensor(shape, mean, deviation));
  }

  RandomStream random_{29, RandomUse::test};
  NodeId images_;
};

// A stem, a basic block with identity shortcut, one with a convolution shortcut.
Graph residual_network() {
  Network n;
  const NodeId stem = n.relu(n.norm("bn", n.conv("conv", n.images(), 4, 8), 8));
  const NodeId a = n.relu(n.norm("1.bn1", n.conv("1.conv1", stem, 8, 8), 8));
  const NodeId b = n.relu(n.add(n.norm("1.bn2", n.conv("1.conv2", a, 8, 8), 8), stem));
  const NodeId c = n.relu(n.norm("2.bn1", n.conv("2.conv1", b, 8, 6, 2), 6));
  const NodeId main = n.norm("2.bn2", n.conv("2.conv2", c, 6, 6), 6);
  const NodeId shortcut = n.norm("2.down.bn", n.conv("2.down.conv", b, 8, 6, 2), 6);
  n.finish(n.relu(n.add(main, shortcut)), 6);
  return std::move(n.graph);
}

// Pre-activation: batch norm before its convolution, sums without ReLU.
Graph preactivation_network() {
  Network n;
  const NodeId stem = n.conv("conv", n.images(), 4, 8, 1, true);
  const NodeId a = n.conv("1.conv1", n.relu(n.norm("1.bn1", stem, 8)), 8, 8);
  const NodeId b = n.conv("1.conv2", n.relu(n.norm("1.bn2", a, 8)), 8, 8, 1, true);
  n.finish(n.add(b, stem), 8);
  return std::move(n.graph);
}

Tensor images(std::int64_t count) {
  const Tensor t = Tensor::empty({count, 6, 6, 4}, DType::float32);
  RandomStream random(31, RandomUse::test);
  for (float& x : t.values<float>()) x = random.normal();
  return t;
}

template <class T>
int count_ops(const Graph& graph) {
  return int(std::ranges::count_if(graph.nodes(), [](const Node& node) {
    return dynamic_cast<const T*>(node.op.get()) != nullptr;
  }));
}

// Gradients and running statistics by leaf name after one training pass.
std::map<std::string, std::vector<double>> train_once(const Graph& shared) {
  const LossGraph loss = with_loss(shared.copied_to({}), 0.1f);
  const std::vector<Tensor> inputs{images(3),
                                   Tensor::from({3}, std::vector<std::int32_t>{4, 0, 2})};
  TrainingPass pass(loss.graph, {});
  std::map<std::string, std::vector<double>> result;
  result["the loss"] = doubles(pass.forward(inputs));
  const std::vector<Tensor> gradients = pass.backward();
  for (const NodeId id : loss.graph.of_kind(NodeKind::parameter))
    result[loss.graph[id].name] = doubles(gradients[std::size_t(id)]);
  for (const NodeId id : loss.graph.of_kind(NodeKind::buffer))
    result[loss.graph[id].name] = doubles(loss.graph[id].value);
  return result;
}

void expect_same_training(const Graph& before, const Graph& after) {
  const auto want = train_once(before), got = train_once(after);
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, values] : want) expect_close(got.at(name), values, 2e-6, name);
}

void expect_same_inference(const Graph& before, const Graph& after) {
  const Tensor x = images(3);
  expect_close(doubles(evaluate(after, {&x, 1})), doubles(evaluate(before, {&x, 1})), 2e-6,
               "inference");
}

TEST(FuseForTraining, ResidualBlocksBecomeBatchNorms) {
  const Graph before = residual_network(), after = fuse_for_training(before);
  EXPECT_EQ(count_ops<BatchNorm>(after), count_ops<BatchNorm>(before));
  EXPECT_EQ(count_ops<Map>(after), 0);
  EXPECT_EQ(count_ops<Add>(after), 0);
  int fused = 0;
  for (const Node& node : after.nodes())
    if (const auto* norm = dynamic_cast<const BatchNorm*>(node.op.get());
        norm && norm->residual()) {
      EXPECT_TRUE(norm->options().relu);
      EXPECT_EQ(node.name, ++fused == 1 ? "1.bn2" : "2.down.bn");  // the later one takes the sum
    }
  EXPECT_EQ(fused, 2);
  expect_same_training(before, after);
  expect_same_inference(before, after);
  EXPECT_EQ(after.count().relus, before.count().relus);
  EXPECT_EQ(after.count().macs, before.count().macs);
}

TEST(FuseForTraining, PreactivationKeepsItsSums) {
  const Graph before = preactivation_network(), after = fuse_for_training(before);
  EXPECT_EQ(count_ops<Map>(after), 0);
  EXPECT_EQ(count_ops<Add>(after), 1);
  expect_same_training(before, after);
}

TEST(FuseForTraining, LeavesKeepNamesOrderAndTensors) {
  const Graph before = residual_network(), after = fuse_for_training(before);
  for (const NodeKind kind : {NodeKind::input, NodeKind::parameter, NodeKind::buffer}) {
    const std::vector<NodeId> a = before.of_kind(kind), b = after.of_kind(kind);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(before[a[i]].name, after[b[i]].name);
      EXPECT_EQ(before[a[i]].value.raw(), after[b[i]].value.raw());
    }
  }
}

TEST(FuseForTraining, ValuesWithAnotherUseStay) {
  Network n;
  const NodeId norm = n.norm("bn", n.conv("conv", n.images(), 4, 4), 4);
  const NodeId sum = n.add(norm, n.images());
  const NodeId twice = n.add(n.relu(sum), n.relu(norm));  // norm is used twice
  n.finish(n.relu(n.add(twice, sum)), 4);                 // and so is sum
  const Graph after = fuse_for_training(n.graph);
  EXPECT_EQ(count_ops<Map>(after), 3);
  EXPECT_EQ(count_ops<Add>(after), 3);
  expect_same_training(n.graph, after);
}

TEST(FuseForTraining, OutputItselfIsNotAbsorbed) {
  Network n;
  const NodeId norm = n.norm("bn", n.conv("conv", n.images(), 4, 4), 4);
  n.relu(norm);  // not part of what is evaluated
  n.graph.set_output(norm);
  const Graph after = fuse_for_training(n.graph);
  EXPECT_EQ(count_ops<Map>(after), 1);
  expect_same_inference(n.graph, after);
}

TEST(FuseForTraining, SumOfOneValueWithItselfStays) {
  Network n;
  const NodeId norm = n.norm("bn", n.conv("conv", n.images(), 4, 4), 4);
  n.finish(n.add(norm, norm), 4);
  const Graph after = fuse_for_training(n.graph);
  EXPECT_EQ(count_ops<Add>(after), 1);
  expect_same_training(n.graph, after);
}

// Statistics that are fixed neither move nor differ between training and inference.
TEST(FixStatistics, TrainsTheFunctionOfInference) {
  const Graph before = fuse_for_training(residual_network()), after = fix_statistics(before);
  ASSERT_EQ(after.size(), before.size());
  const Tensor x = images(3);
  const std::vector<double> inference = doubles(evaluate(before, {&x, 1}));
  for (const bool training : {true, false})
    expect_close(doubles(evaluate(after, {&x, 1}, {.training = training})), inference, 2e-6,
                 "output");
  EXPECT_EQ(doubles(evaluate(before, {&x, 1})), inference) << "running statistics moved";
  EXPECT_NE(doubles(evaluate(before, {&x, 1}, {.training = true})), inference);
  const Graph fused_again = fuse_for_training(after);
  for (const Node& node : fused_again.nodes()) {
    const auto* norm = dynamic_cast<const BatchNorm*>(node.op.get());
    EXPECT_TRUE(norm == nullptr || norm->fixed());
  }
}

TEST(FoldForInference, ResidualNetworkIsConvolutionsOnly) {
  const Graph before = residual_network(), after = fold_for_inference(before);
  EXPECT_EQ(count_ops<BatchNorm>(after), 0);
  EXPECT_EQ(count_ops<Map>(after), 0);
  EXPECT_EQ(count_ops<Add>(after), 0);
  EXPECT_EQ(count_ops<Conv2d>(after), count_ops<Conv2d>(before));
  EXPECT_TRUE(after.of_kind(NodeKind::buffer).empty());
  EXPECT_GE(after.find("2.down.conv.bias"), 0);
  EXPECT_LT(after.find("2.down.bn.weight"), 0);
  expect_same_inference(before, after);
  EXPECT_EQ(after.count().relus, before.count().relus);
}

TEST(FoldForInference, TheArgumentAndItsTensorsStay) {
  const Graph before = residual_network();
  const NodeId weight = before.find("conv.weight");
  const std::vector<double> values = doubles(before[weight].value);
  const std::string structure = before.structure_text();
  const Graph after = fold_for_inference(before);
  EXPECT_EQ(doubles(before[weight].value), values);
  EXPECT_EQ(before.structure_text(), structure);
  EXPECT_FALSE(after[after.find("conv.weight")].value.same_memory(before[weight].value));
}

TEST(FoldForInference, PreactivationKeepsOnlyNormsWithoutAConvolutionBefore) {
  const Graph before = preactivation_network(), after = fold_for_inference(before);
  EXPECT_EQ(count_ops<BatchNorm>(after), 1);  // 1.bn1: the stem's value is also the shortcut
  EXPECT_EQ(count_ops<Add>(after), 0);
  EXPECT_EQ(count_ops<Map>(after), 0);
  expect_same_inference(before, after);
}

TEST(FoldForInference, ExistingBiasIsFoldedToo) {
  Network n;
  n.finish(n.norm("bn", n.conv("conv", n.images(), 4, 4, 1, true), 4), 4);
  const Graph after = fold_for_inference(n.graph);
  EXPECT_EQ(count_ops<BatchNorm>(after), 0);
  expect_same_inference(n.graph, after);
}

TEST(FoldForInference, SharedWeightsKeepTheirBatchNorm) {
  Network n;
  const NodeId first = n.conv("conv", n.images(), 4, 4);
  const NodeId second = n.graph.add("again", std::make_shared<Conv2d>(ConvOptions{1, 1, 1}),
                                    {first, n.graph.find("conv.weight")});
  n.finish(n.norm("bn", second, 4), 4);
  const Graph after = fold_for_inference(n.graph);
  EXPECT_EQ(count_ops<BatchNorm>(after), 1);
  expect_same_inference(n.graph, after);
}

TEST(FoldForInference, FoldingTwiceChangesNothingMore) {
  const Graph once = fold_for_inference(residual_network());
  EXPECT_EQ(fold_for_inference(once).structure_text(), once.structure_text());
}

TEST(WithLoss, ObserverSeesTheLogits) {
  const Graph model = residual_network();
  const LossGraph loss = with_loss(model, 0);
  const std::vector<Tensor> inputs{images(2), Tensor::from({2}, std::vector<std::int32_t>{1, 3})};
  Tensor logits;
  const Tensor value = evaluate(loss.graph, inputs, {}, [&](NodeId node, const Tensor& seen) {
    if (node == loss.logits) logits = seen;
  });
  EXPECT_EQ(doubles(logits), doubles(evaluate(model, {inputs.data(), 1})));
  EXPECT_EQ(value.shape(), Shape{});
  EXPECT_THROW(with_loss(Graph(), 0), ArgumentError);
}

}  // namespace
}  // namespace hush
