// The networks: counts against published tables, names against state dicts in circulation, and
// initial values.
#include "nn/models.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/ops/dropout.h"
#include "nn/activation.h"
#include "nn/init.h"
#include "nn/layers.h"

namespace hush::nn {
namespace {

struct ExpectedCounts {
  const char* model;
  int classes;
  Shape image;
  std::int64_t relus, macs, parameters;
};

class ModelCounts : public testing::TestWithParam<ExpectedCounts> {};

TEST_P(ModelCounts, MatchTheTables) {
  const ExpectedCounts& expected = GetParam();
  const Graph graph = make_model(expected.model, expected.classes, expected.image, 1);
  EXPECT_EQ(graph.count().relus, expected.relus);
  EXPECT_EQ(graph.count().macs, expected.macs);
  EXPECT_EQ(graph.parameter_count(), expected.parameters);
  EXPECT_EQ(graph.shapes()[std::size_t(graph.output())], (Shape{1, expected.classes}));
}

// ReLUs: Table of AutoReP (ICCV 2023) and SNL (ICML 2022). Parameters: those of the PyTorch
// programs whose names the models carry. MACs: convolutions and the linear layer, by hand:
// resnet20 16·27·1024 + 6·16·144·1024 + (32·144 + 5·32·288)·256 + (64·288 + 5·64·576)·64 + 640.
INSTANTIATE_TEST_SUITE_P(
    All, ModelCounts,
    testing::Values(
        ExpectedCounts{"resnet20", 10, {1, 32, 32, 3}, 188'416, 40'551'040, 269'722},
        ExpectedCounts{"resnet32", 10, {1, 32, 32, 3}, 303'104, 68'862'592, 464'154},
        ExpectedCounts{"resnet44", 10, {1, 32, 32, 3}, 417'792, 97'174'144, 658'586},
        ExpectedCounts{"resnet56", 10, {1, 32, 32, 3}, 532'480, 125'485'696, 853'018},
        ExpectedCounts{"resnet18", 10, {1, 32, 32, 3}, 491'520, 555'422'720, 11'173'962},
        ExpectedCounts{"resnet18", 100, {1, 32, 32, 3}, 491'520, 555'468'800, 11'220'132},
        ExpectedCounts{"resnet18", 200, {1, 64, 64, 3}, 1'966'080, 2'221'772'800, 11'271'432},
        ExpectedCounts{"wrn-22-8", 10, {1, 32, 32, 3}, 1'359'872, 2'454'115'328, 17'158'106},
        ExpectedCounts{"wrn-22-8", 200, {1, 64, 64, 3}, 5'439'488, 9'816'543'232, 17'255'576},
        ExpectedCounts{
            "resnet18-imagenet", 1000, {1, 224, 224, 3}, 2'308'096, 1'814'073'344, 11'689'512},
        ExpectedCounts{
            "resnet34-imagenet", 1000, {1, 224, 224, 3}, 3'562'496, 3'663'761'408, 21'797'672},
        ExpectedCounts{"efficientnet-b0", 1000, {1, 224, 224, 3}, 0, 385'814'752, 5'288'548},
        ExpectedCounts{"efficientnet-b1", 1000, {1, 224, 224, 3}, 0, 569'651'680, 7'794'184},
        ExpectedCounts{"efficientnet-b2", 1000, {1, 224, 224, 3}, 0, 658'963'440, 9'109'994}),
    [](const testing::TestParamInfo<ExpectedCounts>& test) {
      std::string name = test.param.model;
      std::erase(name, '-');
      return name + "_" + std::to_string(test.param.classes);
    });

// EfficientNet-B2 as AutoReP replaces it: Table 5 counts all activations but the sigmoid gates.
TEST(Models, EfficientNetB2WithReluHasThePapersCount) {
  const Graph silu = make_model("efficientnet-b2", 1000, {1, 224, 224, 3}, 1);
  const Graph relu = with_activation(silu, "relu");
  EXPECT_EQ(relu.count().relus, 8'804'162);
  std::map<std::string_view, int> ops;
  std::int64_t gates = 0;
  const std::vector<Shape> shapes = relu.shapes();
  for (NodeId id = 0; id < relu.size(); ++id) {
    if (relu[id].kind != NodeKind::op) continue;
    ++ops[relu[id].op->name()];
    if (relu[id].op->name() == "sigmoid") gates += shapes[std::size_t(id)].elements();
  }
  EXPECT_EQ(ops["relu"], 69);
  EXPECT_EQ(ops["sigmoid"], 23);
  EXPECT_EQ(ops["channel_multiply"], 23);
  EXPECT_EQ(gates, 14'784);
  EXPECT_EQ(ops["silu"], 0);
  EXPECT_EQ(with_activation(relu, "silu").structure_text(), silu.structure_text());
  EXPECT_EQ(with_activation(silu, "").structure_text(), silu.structure_text());
  EXPECT_THROW(with_activation(silu, "gelu"), ArgumentError);
}

// torchvision draws with probability 0.2 · block / blocks; its first block draws never.
TEST(Models, StochasticDepthRisesLinearly) {
  const Graph graph = make_model("efficientnet-b0", 10, {1, 64, 64, 3}, 1);
  std::vector<float> rates;
  for (const Node& node : graph.nodes())
    if (const auto* op = dynamic_cast<const Dropout*>(node.op.get())) rates.push_back(op->rate());
  const std::vector<float> expected{
      0.2f * 2 / 16,  0.2f * 4 / 16,  0.2f * 6 / 16,  0.2f * 7 / 16,  0.2f * 9 / 16,
      0.2f * 10 / 16, 0.2f * 12 / 16, 0.2f * 13 / 16, 0.2f * 14 / 16, 0.2f};
  ASSERT_EQ(rates.size(), expected.size());
  for (std::size_t i = 0; i < rates.size(); ++i) EXPECT_FLOAT_EQ(rates[i], expected[i]) << i;
}

TEST(Models, EveryNameBuildsForGreyImagesOfOddSize) {
  for (const std::string& name : model_names()) {
    EXPECT_FALSE(model_description(name).empty());
    const Graph graph = make_model(name, 7, {1, 27, 30, 1}, 1);
    EXPECT_EQ(graph.shapes()[std::size_t(graph.output())], (Shape{1, 7})) << name;
  }
}

TEST(Models, UnknownNameListsTheKnownOnes) {
  try {
    make_model("resnet21", 10, {1, 32, 32, 3}, 1);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(std::string(error.what()),
              "no model 'resnet21'; there are resnet8, resnet20, resnet32, resnet44, resnet56, "
              "resnet18, wrn-22-8, resnet18-imagenet, resnet34-imagenet, efficientnet-b0, "
              "efficientnet-b1, efficientnet-b2");
  }
}

TEST(Models, RejectsImagesAndClassesThatMakeNoSense) {
  EXPECT_THROW(make_model("resnet20", 0, {1, 32, 32, 3}, 1), ArgumentError);
  EXPECT_THROW(make_model("resnet20", 10, {32, 32, 3}, 1), ArgumentError);
  EXPECT_THROW(make_model("resnet20", 10, {2, 32, 32, 3}, 1), ArgumentError);
}

std::set<std::string> leaf_names(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes())
    if (node.kind != NodeKind::op) names.insert(node.name);
  return names;
}

TEST(Models, EfficientNetHasTorchvisionsNames) {
  const auto names = leaf_names(make_model("efficientnet-b2", 1000, {1, 64, 64, 3}, 1));
  for (const char* name :
       {"features.0.0.weight", "features.0.1.running_mean", "features.1.0.block.0.0.weight",
        "features.1.1.block.1.fc2.bias", "features.1.0.block.2.1.weight",
        "features.7.1.block.2.fc1.weight", "features.7.1.block.3.1.running_var",
        "features.8.0.weight", "classifier.1.bias"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(names.contains("features.1.0.block.3.0.weight"));
  EXPECT_FALSE(names.contains("features.7.2.block.0.0.weight"));
}

TEST(Models, NamesAreThoseOfStateDicts) {
  const auto resnet18 = leaf_names(make_model("resnet18", 10, {1, 32, 32, 3}, 1));
  for (const char* name :
       {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_mean", "layer4.1.bn2.bias", "fc.weight", "fc.bias"})
    EXPECT_TRUE(resnet18.contains(name)) << name;
  EXPECT_FALSE(resnet18.contains("layer1.0.downsample.0.weight"));
  const auto wide = leaf_names(make_model("wrn-22-8", 10, {1, 32, 32, 3}, 1));
  for (const char* name :
       {"conv1.weight", "block1.layer.0.bn1.weight", "block1.layer.0.convShortcut.weight",
        "block3.layer.2.conv2.weight", "bn1.running_mean", "fc.weight"})
    EXPECT_TRUE(wide.contains(name)) << name;
  EXPECT_FALSE(wide.contains("block1.layer.1.convShortcut.weight"));
}

// The residual block of option A subsamples and pads a quarter of the channels on either side.
TEST(Models, OptionAShortcutHasNoParameters) {
  const Graph graph = make_model("resnet20", 10, {1, 32, 32, 3}, 1);
  int shortcuts = 0;
  for (const Node& node : graph.nodes())
    if (node.kind == NodeKind::op && node.op->name() == "subsample_pad") ++shortcuts;
  EXPECT_EQ(shortcuts, 2);
}

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments moments(const Tensor& tensor) {
  double sum = 0, squares = 0, largest = 0;
  for (const float x : tensor.values<float>()) {
    sum += x;
    squares += double(x) * x;
    largest = std::max(largest, std::fabs(double(x)));
  }
  const auto n = double(tensor.elements());
  return {sum / n, std::sqrt(squares / n), largest};
}

TEST(Init, ConvolutionsAreKaimingNormalByFanOut) {
  const Moments m = moments(kaiming_convolution({3, 3, 64, 128}, 7, "layer2.0.conv1.weight"));
  const double wanted = std::sqrt(2.0 / (128 * 9));
  // 73,728 values: the standard error of the deviation is 0.26 %.
  EXPECT_NEAR(m.deviation, wanted, 0.012 * wanted);
  EXPECT_NEAR(m.mean, 0, 5 * wanted / std::sqrt(73728.0));
  EXPECT_GT(m.largest, 3.5 * wanted);
}

TEST(Init, LinearLayersAreUniform) {
  const Moments m = moments(uniform_fan_in({512, 100}, 512, 7, "fc.weight"));
  const double bound = 1 / std::sqrt(512.0);
  EXPECT_LE(m.largest, bound);
  EXPECT_GT(m.largest, 0.999 * bound);
  EXPECT_NEAR(m.deviation, bound / std::sqrt(3.0), 0.01 * bound);
}

TEST(Init, ValuesDependOnSeedAndNameAlone) {
  const auto first = [](std::uint64_t seed, const char* name) {
    return uniform_fan_in({4}, 4, seed, name).values<float>()[0];
  };
  EXPECT_EQ(first(1, "a.weight"), first(1, "a.weight"));
  EXPECT_NE(first(1, "a.weight"), first(2, "a.weight"));
  EXPECT_NE(first(1, "a.weight"), first(1, "b.weight"));
  // The same parameter in two different networks.
  const Graph small = make_model("resnet8", 10, {1, 32, 32, 3}, 5);
  const Graph large = make_model("resnet56", 100, {1, 32, 32, 3}, 5);
  const auto values = [](const Graph& graph) {
    return graph[graph.find("layer1.0.conv2.weight")].value.values<float>();
  };
  EXPECT_TRUE(std::ranges::equal(values(small), values(large)));
}

TEST(Layers, ConvolutionChecksItsOptions) {
  NetworkBuilder net({1, 8, 8, 6}, 1);
  EXPECT_THROW(net.convolution("c", net.images(), {.channels = 0}), ArgumentError);
  EXPECT_THROW(net.convolution("c", net.images(), {.channels = 8, .groups = 4}), ArgumentError);
  EXPECT_THROW(net.linear("fc", net.images(), 10), ArgumentError);
  const NodeId x = net.convolution(
      "c", net.images(), {.channels = 9, .kernel = 5, .stride = 2, .groups = 3, .bias = true});
  EXPECT_EQ(net.shape(x), (Shape{1, 4, 4, 9}));
  const Graph graph = std::move(net).finish(x);
  EXPECT_EQ(graph[graph.find("c.weight")].value.shape(), (Shape{5, 5, 2, 9}));
  EXPECT_EQ(graph[graph.find("c.bias")].value.shape(), (Shape{9}));
  EXPECT_EQ(graph.count().macs, 4 * 4 * 9 * 5 * 5 * 2);
}

}  // namespace
}  // namespace hush::nn
