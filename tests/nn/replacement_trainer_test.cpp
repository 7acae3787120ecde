// The graph pass, and replacement runs: within the budget in every file, resumed bit for bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "core/autograd.h"
#include "tests/nn/replacement_runs.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::HasSubstr;

Ending go(const ReplacementOptions& options, const ReplacementCallbacks& callbacks = {},
          bool resume = false) {
  ReplacementTrainer trainer(make_model("resnet8", 3, kImage, 1), task_info(), options, callbacks);
  if (resume) trainer.resume(state_path(options.model_path));
  MemorySource train = task(), validation = make_task(64, 64, 2);
  return trainer.run(train, &validation);
}

std::int64_t gates_in(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  std::int64_t open = 0;
  for (const FileTensor& tensor : file.tensors())
    if (tensor.name.ends_with(".gate")) {
      const Tensor gate = file.read(tensor.name);
      for (const float m : gate.values<float>()) open += m != 0 ? 1 : 0;
    }
  return open;
}

TEST(ReplaceRelus, ComputesTheSameWithAllGatesOpen) {
  const Graph original = make_model("resnet8", 3, kImage, 1);
  const Graph replaced = replace_relus(original, false);
  MemorySource source = task();
  source.start_epoch(0, 0);
  const std::array images{source.next()->images};
  const Tensor a = evaluate(original, images), b = evaluate(replaced, images);
  for (std::size_t i = 0; i < a.values<float>().size(); ++i)
    EXPECT_NEAR(a.values<float>()[i], b.values<float>()[i], 1e-5f);
  EXPECT_EQ(replaced.count().relus, original.count().relus);
  EXPECT_EQ(replaced.parameter_count(), original.parameter_count());
}

TEST(ReplaceRelus, KnowsTheStreamFromTheBranches) {
  const auto layers = gated_layers(replace_relus(make_model("resnet8", 3, kImage, 1), false));
  ASSERT_EQ(layers.size(), 7u);
  for (const GatedLayer& layer : layers)
    EXPECT_EQ(layer.in_stream, layer.name.ends_with("relu2")) << layer.name;
  for (const GatedLayer& layer :
       gated_layers(replace_relus(make_model("wrn-22-8", 3, {1, 8, 8, 3}, 1), false)))
    EXPECT_FALSE(layer.in_stream) << layer.name;  // every activation follows a batch norm
}

TEST(ReplaceRelus, CountsEveryReluOfThePaperModels) {
  const auto count = [](const std::string& model, std::int64_t extent) {
    const Graph graph = replace_relus(make_model(model, 10, {1, extent, extent, 3}, 0), false);
    std::int64_t sum = 0;
    for (const std::int64_t n : open_gates(graph, gated_layers(graph))) sum += n;
    return sum;
  };
  EXPECT_EQ(count("resnet20", 32), 188'416);
  EXPECT_EQ(count("resnet18", 32), 491'520);
  EXPECT_EQ(count("wrn-22-8", 32), 1'359'872);
}

TEST(ReplaceRelus, RefusesANetworkWithoutRelusOrWithGates) {
  const Graph replaced = replace_relus(make_model("resnet8", 3, kImage, 1), false);
  EXPECT_THROW(replace_relus(replaced, false), ArgumentError);
  Graph empty;
  empty.set_output(empty.add_input("images", kImage));
  EXPECT_THROW(replace_relus(empty, false), ArgumentError);
}

class EveryMethod : public testing::TestWithParam<std::string> {};

TEST_P(EveryMethod, EndsExactlyAtTheBudgetAndLoadsByItsMetadata) {
  const Scratch scratch;
  const auto path = scratch.path("m.safetensors");
  EXPECT_EQ(go(quick(path, GetParam())), Ending::finished);
  EXPECT_EQ(gates_in(path), kBudget);
  const SafetensorsFile file(path);
  const ModelInfo info = from_metadata(file.metadata(), "m");
  EXPECT_EQ(info.replacement, GetParam() + " dapa2");
  EXPECT_EQ(info.budget, kBudget);
  const Graph loaded = make_network(info);
  load_weights(loaded, file);
  EXPECT_EQ(loaded.count().relus, kBudget);
  EXPECT_EQ(file.find("layer1.0.relu1.gate")->shape, (std::vector<std::int64_t>{16, 8, 8}));
}

// A run that is stopped after every single step ends with the bytes of one that went through.
TEST_P(EveryMethod, ResumesBitForBit) {
  const Scratch straight, halting;
  ReplacementOptions through = quick(straight.path("m.safetensors"), GetParam());
  through.lookahead = 3;
  go(through);
  ReplacementOptions options = through;
  options.model_path = halting.path("m.safetensors");
  for (std::int64_t step = 1; step <= 12; step += 2) {
    options.max_steps = step;
    EXPECT_EQ(go(options, {}, step > 1), Ending::step_limit);
  }
  options.max_steps = 0;
  EXPECT_EQ(go(options, {}, true), Ending::finished);
  EXPECT_EQ(straight.read("m.safetensors") == halting.read("m.safetensors"), true);
  EXPECT_EQ(straight.read("m.state.safetensors") == halting.read("m.state.safetensors"), true);
}

// The last batch of an epoch is smaller, and is not recorded.
TEST_P(EveryMethod, RecordedStepsChangeNothing) {
  const Scratch scratch;
  std::vector<std::string> files;
  for (const bool recorded : {false, true}) {
    ReplacementOptions options = quick(scratch.path(recorded ? "r" : "p"), GetParam());
    options.record_steps = recorded;
    ReplacementTrainer trainer(make_model("resnet8", 3, kImage, 1), task_info(), options);
    MemorySource train = make_task(32 * 6 - 5, 32, 1);
    EXPECT_EQ(trainer.run(train), Ending::finished);
    files.push_back(scratch.read(recorded ? "r" : "p"));
  }
  EXPECT_TRUE(files[0] == files[1]);
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, testing::ValuesIn(method_names()),
                         [](const auto& row) { return row.param; });

TEST(ReplacementTrainer, NoModelFileBeforeTheBudgetIsKept) {
  const Scratch scratch;
  ReplacementOptions options = quick(scratch.path("m.safetensors"));
  options.max_steps = 9;  // of 12; the indicators freeze after 10
  go(options);
  EXPECT_FALSE(std::filesystem::exists(options.model_path));
  EXPECT_TRUE(std::filesystem::exists(state_path(options.model_path)));
  options.max_steps = 10;
  go(options, {}, true);
  EXPECT_EQ(gates_in(options.model_path), kBudget);
}

TEST(ReplacementTrainer, RandomStepsCannotBeRecorded) {
  ReplacementOptions options = quick({});
  options.record_steps = true;
  EXPECT_THROW(ReplacementTrainer(make_model("efficientnet-b0", 3, {1, 32, 32, 3}, 1), {}, options),
               ArgumentError);
}

TEST(ReplacementTrainer, BudgetsOfOneAndOfAll) {
  for (const std::int64_t budget :
       {std::int64_t{1}, make_model("resnet8", 3, kImage, 1).count().relus}) {
    const Scratch scratch;
    ReplacementOptions options = quick(scratch.path("m.safetensors"));
    options.budget = budget;
    go(options);
    EXPECT_EQ(gates_in(options.model_path), budget);
  }
}

TEST(ReplacementTrainer, BudgetsOutOfRangeAreRefused) {
  const std::int64_t total = make_model("resnet8", 3, kImage, 1).count().relus;
  for (const std::int64_t budget : {std::int64_t{0}, std::int64_t{-5}, total + 1}) {
    ReplacementOptions options = quick({});
    options.budget = budget;
    try {
      go(options);
      ADD_FAILURE() << budget << " was accepted";
    } catch (const ArgumentError& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(total)));
    }
  }
}

TEST(ReplacementTrainer, TargetsFallToTheBudgetAndNeverRise) {
  ReplacementOptions options = quick({});
  ReplacementTrainer trainer(make_model("resnet8", 3, kImage, 1), task_info(), options);
  MemorySource train = task();
  trainer.run(train);
  for (std::int64_t step = 1; step < 12; ++step)
    EXPECT_LE(trainer.target_at(step), trainer.target_at(step - 1));
  EXPECT_LT(trainer.target_at(0), trainer.total());
  EXPECT_EQ(trainer.target_at(5), kBudget);  // 0.5 of 12 steps
}

TEST(ReplacementTrainer, FrozenIndicatorsAndFixedCoefficientsStay) {
  const Scratch scratch;
  ReplacementOptions options = quick(scratch.path("m.safetensors"));
  options.max_steps = 10;
  go(options);
  const SafetensorsFile frozen(options.model_path);
  options.max_steps = 0;
  go(options, {}, true);
  const SafetensorsFile done(options.model_path);
  for (const char* name : {"layer1.0.relu1.gate", "layer2.0.relu2.coefficients",
                           "layer1.0.bn1.running_mean", "layer3.0.bn2.running_var"}) {
    const Tensor a = frozen.read(name), b = done.read(name);
    EXPECT_TRUE(std::ranges::equal(a.values<float>(), b.values<float>())) << name;
  }
  const Tensor a = frozen.read("conv1.weight"), b = done.read("conv1.weight");
  EXPECT_FALSE(std::ranges::equal(a.values<float>(), b.values<float>()));
}

TEST(ReplacementTrainer, TrainableCoefficientsMoveAfterTheRamp) {
  const Scratch scratch;
  ReplacementOptions options = quick(scratch.path("m.safetensors"));
  options.train_coefficients = true;
  options.max_steps = 10;
  go(options);
  const Tensor before = SafetensorsFile(options.model_path).read("relu.coefficients");
  options.max_steps = 0;
  go(options, {}, true);
  const Tensor after = SafetensorsFile(options.model_path).read("relu.coefficients");
  EXPECT_FALSE(std::ranges::equal(before.values<float>(), after.values<float>()));
}

}  // namespace
}  // namespace hush::nn
