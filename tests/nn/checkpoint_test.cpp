// Model files: PyTorch's layout, names in several spellings, metadata, and refusals.
#include "nn/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers.h"
#include "nn/models.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const ModelInfo kInfo{.model = "resnet18",
                      .dataset = "cifar10",
                      .classes = 10,
                      .image = {1, 32, 32, 3},
                      .mean = {0.485f, 0.456f, 0.1f},
                      .std = {0.229f, 0.224f, 0.225f},
                      .class_names = {"a b", "c", "d", "e", "f", "g", "h", "i", "j", "k"},
                      .epoch = 7,
                      .revision = {},
                      .options = {{"lr", "0.1"}, {"batch", "128"}}};

Graph small_model(std::uint64_t seed) {
  return make_model("resnet8", 10, {1, 8, 8, 3}, seed);
}

TEST(ModelInfo, SurvivesMetadata) {
  const Metadata metadata = to_metadata(kInfo);
  EXPECT_EQ(metadata.at("image"), "32 32 3");
  EXPECT_EQ(metadata.at("mean"), "0.485 0.456 0.1");
  const ModelInfo info = from_metadata(metadata, "file");
  EXPECT_EQ(info.model, "resnet18");
  EXPECT_EQ(info.dataset, "cifar10");
  EXPECT_EQ(info.classes, 10);
  EXPECT_EQ(info.image, kInfo.image);
  EXPECT_EQ(info.mean, kInfo.mean);
  EXPECT_EQ(info.std, kInfo.std);
  EXPECT_EQ(info.epoch, 7);
  EXPECT_FALSE(info.revision.empty());
  EXPECT_EQ(info.options, kInfo.options);
  EXPECT_EQ(info.class_names, kInfo.class_names);
}

TEST(ModelInfo, KeepsAnActivationThatIsNotTheModels) {
  ModelInfo info;
  info.model = "efficientnet-b0";
  info.classes = 2;
  info.image = {1, 32, 32, 3};
  EXPECT_EQ(make_network(info).count().relus, 0);
  info.activation = "relu";
  const ModelInfo read = from_metadata(to_metadata(info), "file");
  EXPECT_EQ(read.activation, "relu");
  EXPECT_GT(make_network(read).count().relus, 0);
}

TEST(ModelInfo, AbsentEntriesAreEmpty) {
  const ModelInfo info = from_metadata({}, "file");
  EXPECT_EQ(info.classes, 0);
  EXPECT_EQ(info.image.rank(), 0);
  EXPECT_TRUE(info.mean.empty() && info.options.empty() && info.model.empty());
}

TEST(ModelInfo, RefusesNonsense) {
  const std::vector<Metadata> all{
      {{"classes", "ten"}},       {{"classes", "-1"}},
      {{"classes", "1 2"}},       {{"classes", "9999999999"}},
      {{"image", "32 32"}},       {{"image", "32 32 0"}},
      {{"image", "1 1 9999999"}}, {{"mean", "0.5 nan"}},
      {{"mean", "0.5,0.5"}},      {{"std", "0.5 0 0.5"}},
      {{"std", "inf"}},           {{"epoch", "1x"}},
      {{"hush_version", "2"}},    {{"hush_version", "-1"}},
      {{"mean", "1e99"}},         {{"classes", "2"}, {"class_names", "a"}}};
  for (const Metadata& metadata : all)
    EXPECT_THROW(from_metadata(metadata, "file"), FileError) << metadata.begin()->second;
}

TEST(Checkpoint, WeightsSurviveAFile) {
  const Scratch scratch;
  const Graph saved = small_model(1), loaded = small_model(2);
  saved[saved.find("bn1.running_mean")].value.values<float>()[3] = 0.25f;
  ASSERT_NE(weights_digest(saved), weights_digest(loaded));
  save_model(scratch.path("a"), saved, kInfo);
  load_weights(loaded, SafetensorsFile(scratch.path("a")));
  EXPECT_EQ(weights_digest(saved), weights_digest(loaded));
  EXPECT_EQ(loaded[loaded.find("bn1.running_mean")].value.values<float>()[3], 0.25f);
}

TEST(Checkpoint, LoadingReachesGraphsThatShareTheWeights) {
  const Scratch scratch;
  const Graph model = small_model(1), loaded = small_model(2), shares = loaded;
  save_model(scratch.path("a"), model, kInfo);
  load_weights(loaded, SafetensorsFile(scratch.path("a")));
  EXPECT_EQ(weights_digest(shares), weights_digest(model));
}

TEST(Checkpoint, DigestSeesEveryWeight) {
  const Graph graph = small_model(1);
  const std::string before = weights_digest(graph);
  EXPECT_EQ(before.size(), 64u);
  for (const char* name : {"conv1.weight", "linear.bias", "layer3.0.bn2.running_var"}) {
    float& value = graph[graph.find(name)].value.values<float>()[0];
    const float old = value;
    value += 1;
    EXPECT_NE(weights_digest(graph), before) << name;
    value = old;
  }
  EXPECT_EQ(weights_digest(graph), before);
}

// Element (kh, kw, c, k) of a convolution stands at (k, c, kh, kw) of the file, and element
// (i, o) of a linear layer at (o, i).
TEST(Checkpoint, FilesHavePyTorchsLayout) {
  const Scratch scratch;
  NetworkBuilder net({1, 4, 4, 6}, 1);
  NodeId x = net.convolution("conv", net.images(), {.channels = 4, .kernel = 3, .groups = 2});
  x = net.linear("head", net.global_average_pool("pool", x), 5);
  const Graph graph = std::move(net).finish(x);
  const std::span<float> conv = graph[graph.find("conv.weight")].value.values<float>();
  const std::span<float> linear = graph[graph.find("head.weight")].value.values<float>();
  for (int kh = 0; kh < 3; ++kh)
    for (int kw = 0; kw < 3; ++kw)
      for (int c = 0; c < 3; ++c)
        for (int k = 0; k < 4; ++k)
          conv[std::size_t(((kh * 3 + kw) * 3 + c) * 4 + k)] =
              float(1000 * k + 100 * c + 10 * kh + kw);
  for (int i = 0; i < 4; ++i)
    for (int o = 0; o < 5; ++o) linear[std::size_t(i * 5 + o)] = float(10 * o + i);
  save_model(scratch.path("a"), graph, {});

  const SafetensorsFile file(scratch.path("a"));
  const Tensor in_file = file.read("conv.weight");
  ASSERT_EQ(in_file.shape(), (Shape{4, 3, 3, 3}));
  std::size_t at = 0;
  for (int k = 0; k < 4; ++k)
    for (int c = 0; c < 3; ++c)
      for (int kh = 0; kh < 3; ++kh)
        for (int kw = 0; kw < 3; ++kw)
          EXPECT_EQ(in_file.values<float>()[at++], float(1000 * k + 100 * c + 10 * kh + kw));
  const Tensor head = file.read("head.weight");
  ASSERT_EQ(head.shape(), (Shape{5, 4}));
  for (int o = 0; o < 5; ++o)
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(head.values<float>()[std::size_t(o * 4 + i)], float(10 * o + i));

  const Graph copy = graph.copied_to(Device{});
  conv[0] = -1;
  load_weights(graph, file);
  EXPECT_EQ(weights_digest(graph), weights_digest(copy));
}

// A network with the names whose spelling varies.
Graph with_shortcut(std::uint64_t seed) {
  NetworkBuilder net({1, 4, 4, 3}, seed);
  NodeId x = net.convolution("layer2.0.downsample.0", net.images(), {.channels = 4, .kernel = 1});
  x = net.global_average_pool("pool", net.batch_norm("layer2.0.downsample.1", x));
  return std::move(net).finish(net.linear("fc", x, 5));
}

TEST(Checkpoint, UnderstandsOtherSpellings) {
  const Scratch scratch;
  const Graph saved = with_shortcut(1);
  std::vector<NamedTensor> tensors = weights_for_file(saved);
  for (NamedTensor& tensor : tensors) {
    if (const auto at = tensor.name.find("downsample"); at != std::string::npos)
      tensor.name.replace(at, 10, "shortcut");
    if (tensor.name.starts_with("fc.")) tensor.name.replace(0, 2, "linear");
    tensor.name.insert(0, "module.");
  }
  tensors.push_back({"module.bn1.num_batches_tracked",
                     Tensor::from<std::int32_t>({}, std::vector<std::int32_t>{3})});
  write_safetensors(scratch.path("a"), tensors, {});
  const Graph loaded = with_shortcut(2);
  load_weights(loaded, SafetensorsFile(scratch.path("a")));
  EXPECT_EQ(weights_digest(loaded), weights_digest(saved));
}

TEST(Checkpoint, ListsWhatDoesNotFitAndChangesNothing) {
  const Scratch scratch;
  const Graph graph = small_model(1);
  std::vector<NamedTensor> tensors = weights_for_file(small_model(2));
  std::erase_if(tensors, [](const NamedTensor& t) { return t.name == "bn1.bias"; });
  tensors.push_back({"extra", Tensor::full({1}, 1)});
  tensors.push_back({"module.conv1.weight", Tensor::full({1}, 1)});  // a second spelling
  for (NamedTensor& tensor : tensors)
    if (tensor.name == "linear.bias") tensor.value = Tensor::full({100}, 1);
  write_safetensors(scratch.path("a"), tensors, {});

  const SafetensorsFile file(scratch.path("a"));
  const NameMatch match = match_names(graph, file);
  EXPECT_FALSE(match.complete());
  EXPECT_THAT(match.missing, ElementsAre("bn1.bias"));
  EXPECT_THAT(match.unused, ElementsAre("module.conv1.weight", "extra"));
  EXPECT_THAT(match.wrong_shape, ElementsAre("linear.bias is [100], needs [10]"));
  const std::string before = weights_digest(graph);
  try {
    load_weights(graph, file);
    FAIL() << "no error";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("missing: bn1.bias; not in the model: module.conv1.weight, "
                                        "extra; wrong shape: linear.bias is [100], needs [10]"));
  }
  EXPECT_EQ(weights_digest(graph), before);
}

TEST(Checkpoint, LongListsAreCutShort) {
  const Scratch scratch;
  write_safetensors(scratch.path("a"), {}, {});
  try {
    load_weights(small_model(1), SafetensorsFile(scratch.path("a")));
    FAIL() << "no error";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("bn1.running_var and "));
    EXPECT_LT(std::string(error.what()).size(), 400u);
  }
}

TEST(Checkpoint, RefusesIntegersForWeights) {
  const Scratch scratch;
  std::vector<NamedTensor> tensors = weights_for_file(small_model(2));
  for (NamedTensor& tensor : tensors)
    if (tensor.name == "linear.bias") tensor.value = Tensor::zeros({10}, DType::int32);
  write_safetensors(scratch.path("a"), tensors, {});
  const Graph graph = small_model(1);
  const std::string before = weights_digest(graph);
  EXPECT_THROW(load_weights(graph, SafetensorsFile(scratch.path("a"))), FileError);
  EXPECT_EQ(weights_digest(graph), before);
}

}  // namespace
}  // namespace hush::nn
