// Training: it learns, its result depends on nothing but options and data, and it fails in words.
#include "nn/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/thread_pool.h"
#include "nn/models.h"
#include "tests/nn/memory_source.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::HasSubstr;

Graph small_model() {
  return make_model("resnet8", 3, {1, 8, 8, 1}, 11);
}

TrainerOptions small_options() {
  return {.epochs = 2,
          .optimizer = {.weight_decay = 5e-4f},
          .schedule = {.learning_rate = 0.05, .warmup_steps = 2}};
}

TEST(Trainer, LearnsAndReports) {
  MemorySource train = make_task(300, 32, 1), validation = make_task(100, 64, 2);
  std::vector<StepReport> steps;
  std::vector<EpochReport> epochs;
  TrainerOptions options = small_options();
  options.clip_norm = 5;
  Trainer trainer(small_model(), {}, options,
                  {.on_step = [&](const StepReport& step) { steps.push_back(step); },
                   .on_epoch = [&](const EpochReport& epoch) { epochs.push_back(epoch); }});
  EXPECT_EQ(trainer.run(train, &validation), Ending::finished);

  ASSERT_EQ(steps.size(), 20u);
  EXPECT_EQ(steps[0].step, 1);
  EXPECT_EQ(steps[9].batch, 10);
  EXPECT_EQ(steps[9].images, 12);
  EXPECT_EQ(steps[10].epoch, 2);
  EXPECT_EQ(steps[10].batches, 10);
  EXPECT_NEAR(steps[0].learning_rate, 0.05 / 3, 1e-12);
  EXPECT_GT(steps[0].gradient_norm, 0);
  EXPECT_LT(steps[19].loss, steps[0].loss);

  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(epochs[1].epoch, 2);
  EXPECT_EQ(epochs[1].step, 20);
  EXPECT_EQ(epochs[1].train.images, 300);
  EXPECT_EQ(epochs[1].validation.images, 100);
  EXPECT_GT(epochs[1].validation.accuracy(), 0.9);
  double loss_sum = 0;
  for (std::size_t i = 0; i < 10; ++i) loss_sum += steps[i].loss * double(steps[i].images);
  EXPECT_NEAR(epochs[0].train.loss(), loss_sum / 300, 1e-6);
  EXPECT_EQ(trainer.progress().best_accuracy,
            std::max(epochs[0].validation.accuracy(), epochs[1].validation.accuracy()));
}

// 300 images leave a last batch of another size, which is not recorded.
TEST(Trainer, RecordedStepsChangeNothing) {
  std::vector<std::vector<double>> losses(2);
  for (const bool recorded : {false, true}) {
    MemorySource train = make_task(300, 32, 1);
    TrainerOptions options = small_options();
    options.record_steps = recorded;
    Trainer(small_model(), {}, options,
            {.on_step = [&](const StepReport& s) { losses[recorded].push_back(s.loss); }})
        .run(train);
  }
  EXPECT_EQ(losses[0].size(), 20u);
  EXPECT_EQ(losses[0], losses[1]);
}

TEST(Trainer, RandomStepsCannotBeRecorded) {
  TrainerOptions options = small_options();
  options.record_steps = true;
  const Graph dropping = make_model("efficientnet-b0", 3, {1, 32, 32, 3}, 1);
  try {
    const Trainer trainer(dropping, {}, options);
    FAIL() << "a network with dropout was accepted";
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--cuda-graph off"));
  }
}

TEST(Trainer, ClippingBoundsTheStep) {
  MemorySource train = make_task(64, 64, 1);
  const auto moved = [&](double clip) {
    TrainerOptions options{.epochs = 1,
                           .clip_norm = clip,
                           .optimizer = {.momentum = 0},
                           .schedule = {.kind = ScheduleKind::constant, .learning_rate = 1}};
    const Graph model = small_model(), before = model.copied_to(Device{});
    Trainer(model, {}, options).run(train);
    double sum = 0;
    for (const NodeId id : model.of_kind(NodeKind::parameter))
      for (std::size_t i = 0; i < std::size_t(model[id].value.elements()); ++i)
        sum +=
            std::pow(model[id].value.values<float>()[i] - before[id].value.values<float>()[i], 2);
    return std::sqrt(sum);
  };
  const double free = moved(0);
  EXPECT_GT(free, 0.1);
  EXPECT_NEAR(moved(0.1), 0.1, 1e-4);
  EXPECT_NEAR(moved(1e6), free, 1e-6);
}

TEST(Trainer, ResultDoesNotDependOnThreads) {
  const int threads = thread_count();
  std::vector<std::string> files;
  for (const int count : {1, 2, 3}) {
    set_thread_count(count);
    const Scratch scratch;
    MemorySource train = make_task(200, 32, 1), validation = make_task(100, 64, 2);
    TrainerOptions options = small_options();
    options.clip_norm = 1;
    options.model_path = scratch.path("m.safetensors");
    Trainer(small_model(), {}, options).run(train, &validation);
    files.push_back(scratch.read("m.safetensors") + scratch.read("m.state.safetensors"));
  }
  set_thread_count(threads);
  EXPECT_GT(files[0].size(), 100'000u);
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
}

TEST(Trainer, LossThatIsNotFiniteStopsBeforeTheWeightsChange) {
  for (const float poison :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Scratch scratch;
    MemorySource good = make_task(96, 32, 1);
    Tensor images = Tensor::full({32, 8, 8, 1}, poison);
    images.values<float>()[5] = -poison;
    MemorySource bad(images, Tensor::zeros({32}, DType::int32), 32);
    TrainerOptions options = small_options();
    options.epochs = 1;
    options.model_path = scratch.path("m.safetensors");
    Trainer(small_model(), {}, options).run(good);
    const std::string saved = scratch.read("m.safetensors");

    Trainer trainer(small_model(), {}, options);
    const Tensor weight = trainer.model()[trainer.model().find("conv1.weight")].value.clone();
    try {
      trainer.run(bad);
      FAIL() << "no error";
    } catch (const NumericError& error) {
      EXPECT_THAT(error.what(), HasSubstr("at step 1 (epoch 1, batch 1, learning rate 0.01"));
      EXPECT_THAT(error.what(), HasSubstr("resume from the last checkpoint"));
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
    const Tensor after = trainer.model()[trainer.model().find("conv1.weight")].value;
    EXPECT_TRUE(std::ranges::equal(after.values<float>(), weight.values<float>()));
    EXPECT_EQ(scratch.read("m.safetensors"), saved);
  }
}

TEST(Trainer, DivergenceIsReportedWithItsStepAndRate) {
  MemorySource train = make_task(320, 32, 1);
  TrainerOptions options{.schedule = {.kind = ScheduleKind::constant, .learning_rate = 1e30}};
  try {
    Trainer(small_model(), {}, options).run(train);
    FAIL() << "no error";
  } catch (const NumericError& error) {
    EXPECT_THAT(error.what(), testing::ContainsRegex("at step [2-9] .*learning rate 1e\\+30"));
  }
}

TEST(Trainer, RejectsOptionsThatMakeNoSense) {
  const auto make = [](auto change) {
    TrainerOptions options = small_options();
    change(options);
    Trainer trainer(small_model(), {}, options);
  };
  EXPECT_THROW(make([](TrainerOptions& o) { o.epochs = 0; }), ArgumentError);
  EXPECT_THROW(make([](TrainerOptions& o) { o.max_steps = -1; }), ArgumentError);
  EXPECT_THROW(make([](TrainerOptions& o) { o.clip_norm = -1; }), ArgumentError);
}

TEST(Score, RanksAndLosses) {
  Score score;
  const Tensor logits = Tensor::from<float>({3, 6}, std::vector<float>{0, 1, 2, 3, 4, 5,  //
                                                                       5, 5, 5, 5, 5, 5,  //
                                                                       NAN, 0, 0, 0, 0, 0});
  add_to_score(score, logits, Tensor::from<std::int32_t>({3}, std::vector<std::int32_t>{4, 5, 0}));
  EXPECT_EQ(score.images, 3);
  EXPECT_EQ(score.top1, 0);
  EXPECT_EQ(score.top5, 1);  // the second image's label is the sixth of six equals
  EXPECT_TRUE(std::isnan(score.loss_sum));
  Score clean;
  add_to_score(clean, logits.rows(0, 2),
               Tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{5, 0}));
  EXPECT_EQ(clean.top1, 2);
  EXPECT_DOUBLE_EQ(clean.accuracy(), 1);
  double denominator = 0;
  for (int i = 0; i < 6; ++i) denominator += std::exp(double(i) - 5);
  EXPECT_NEAR(clean.loss(), (std::log(denominator) + std::log(6.0)) / 2, 1e-12);
  EXPECT_THROW(add_to_score(clean, logits, Tensor::full({3}, 1)), ArgumentError);
  EXPECT_THROW(add_to_score(clean, logits.rows(0, 1),
                            Tensor::from<std::int32_t>({1}, std::vector<std::int32_t>{6})),
               ArgumentError);
}

TEST(Evaluation, FoldedNetworkScoresAsTheModel) {
  MemorySource train = make_task(200, 32, 1), test = make_task(150, 64, 3);
  Trainer trainer(small_model(), {}, small_options());
  trainer.run(train);
  Score direct;
  test.start_epoch(0, 0);
  while (const auto batch = test.next()) {
    const std::array inputs{batch->images};
    add_to_score(direct, evaluate(trainer.model(), inputs), batch->labels);
  }
  std::int64_t seen = 0;
  const Score score =
      evaluate_model(trainer.model(), test, [&](const Batch& batch, const Tensor& logits) {
        EXPECT_EQ(logits.shape(), (Shape{batch.images.shape()[0], 3}));
        seen += logits.shape()[0];
      });
  EXPECT_EQ(seen, 150);
  EXPECT_EQ(score.top1, direct.top1);
  EXPECT_NEAR(score.loss(), direct.loss(), 1e-5);
}

}  // namespace
}  // namespace hush::nn
