// Names of other programs' files, and what is reported of those that do not fit.
#include "nn/weight_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/checkpoint.h"
#include "nn/models.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(WeightNames, WrappersAndSpellings) {
  EXPECT_EQ(canonical_name("module.linear.weight"), "fc.weight");
  EXPECT_EQ(canonical_name("_orig_mod.conv1.weight"), "conv1.weight");
  EXPECT_EQ(canonical_name("layer2.0.shortcut.0.weight"), "layer2.0.downsample.0.weight");
}

// Beside timm/models/efficientnet.py and torchvision/models/efficientnet.py.
TEST(WeightNames, TimmsEfficientNet) {
  const NameTranslation timm({{"conv_stem.weight", {}}, {"bn1.weight", {}}}, "");
  EXPECT_EQ(timm("conv_stem.weight"), "features.0.0.weight");
  EXPECT_EQ(timm("bn1.running_var"), "features.0.1.running_var");
  EXPECT_EQ(timm("blocks.0.1.conv_dw.weight"), "features.1.1.block.0.0.weight");
  EXPECT_EQ(timm("blocks.0.0.se.conv_reduce.bias"), "features.1.0.block.1.fc1.bias");
  EXPECT_EQ(timm("blocks.0.0.conv_pw.weight"), "features.1.0.block.2.0.weight");
  EXPECT_EQ(timm("blocks.0.0.bn2.bias"), "features.1.0.block.2.1.bias");
  EXPECT_EQ(timm("blocks.3.2.conv_pw.weight"), "features.4.2.block.0.0.weight");
  EXPECT_EQ(timm("blocks.3.2.bn2.weight"), "features.4.2.block.1.1.weight");
  EXPECT_EQ(timm("blocks.3.2.se.conv_expand.weight"), "features.4.2.block.2.fc2.weight");
  EXPECT_EQ(timm("blocks.3.2.conv_pwl.weight"), "features.4.2.block.3.0.weight");
  EXPECT_EQ(timm("blocks.3.2.bn3.running_mean"), "features.4.2.block.3.1.running_mean");
  EXPECT_EQ(timm("conv_head.weight"), "features.8.0.weight");
  EXPECT_EQ(timm("bn2.weight"), "features.8.1.weight");
  EXPECT_EQ(timm("classifier.bias"), "classifier.1.bias");
  for (const char* odd : {"blocks.", "blocks.x", "blocks.9.0.conv_pw.weight", "blocks.1.",
                          "blocks.1.-1.conv_pw.weight", "blocks.99999999999.0.a"})
    EXPECT_EQ(timm(odd), odd);
  // A ResNet's bn1 is its own.
  const NameTranslation resnet({{"conv1.weight", {}}, {"bn1.weight", {}}}, "");
  EXPECT_EQ(resnet("bn1.weight"), "bn1.weight");
}

TEST(FittingWeights, AreLoadedAndTheRestIsReported) {
  const Scratch scratch;
  const Graph ten = make_model("resnet8", 10, {1, 8, 8, 3}, 1);
  const Graph seven = make_model("resnet8", 7, {1, 8, 8, 3}, 2);
  save_model(scratch.path("ten"), ten, {});
  const SafetensorsFile file(scratch.path("ten"));
  EXPECT_THROW(load_weights(seven, file), FileError);
  const NameMatch match = load_fitting_weights(seven, file);
  EXPECT_THAT(match.wrong_shape, ElementsAre("linear.weight is [10, 64], needs [7, 64]",
                                             "linear.bias is [10], needs [7]"));
  EXPECT_THAT(match.differences(),
              HasSubstr("wrong shape: linear.weight is [10, 64], needs [7, 64], linear.bias"));
  const auto stem = [](const Graph& graph) {
    return graph[graph.find("conv1.weight")].value.values<float>();
  };
  EXPECT_TRUE(std::ranges::equal(stem(seven), stem(ten)));
  write_safetensors(scratch.path("other"), {{"a", Tensor::full({1}, 1)}}, {});
  EXPECT_THROW(load_fitting_weights(seven, SafetensorsFile(scratch.path("other"))), FileError);
}

}  // namespace
}  // namespace hush::nn
