// Several ranks train one network: with the whole batch's statistics as one process does, in any
// case with the same bits in every run, whatever the buckets, and resumable with another number of
// ranks.
#include "nn/data_parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "nn/layers.h"
#include "nn/models.h"
#include "nn/trainer.h"
#include "parallel/thread_ranks.h"
#include "tests/nn/memory_source.h"
#include "tests/nn/part_source.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::HasSubstr;

struct Result {
  std::vector<double> losses;
  std::vector<EpochReport> epochs;
  std::vector<float> weights;  // and running statistics
  Ending ending = Ending::finished;
};

// Two epochs of batches of 32, the last of 1: fewer images than ranks.
struct Plan {
  int ranks = 1;
  std::string model = "resnet8";
  bool sync = true, overlap = true;
  std::int64_t bucket_bytes = 4 << 20, max_steps = 0, images = 129;
  std::filesystem::path path = {};
  bool resume = false;
  std::function<bool(int rank)> should_stop = {};
};

std::vector<float> numbers_of(const Graph& graph) {
  std::vector<float> numbers;
  for (const Node& node : graph.nodes())
    if (node.kind == NodeKind::parameter || node.kind == NodeKind::buffer)
      numbers.insert(numbers.end(), node.value.values<float>().begin(),
                     node.value.values<float>().end());
  return numbers;
}

Result train_rank(const Plan& plan, Communicator& ranks) {
  MemorySource all = make_task(plan.images, 32, 1), all_tests = make_task(101, 50, 2);
  PartSource train(all, ranks.rank(), ranks.size()), tests(all_tests, ranks.rank(), ranks.size());
  TrainerOptions options{.epochs = 2,
                         .max_steps = plan.max_steps,
                         .clip_norm = 5,
                         .label_smoothing = 0.1f,
                         .seed = 4,
                         .model_path = plan.path,
                         .optimizer = {.weight_decay = 5e-4f},
                         .schedule = {.learning_rate = 0.02, .warmup_steps = 2}};
  options.parallel = {&ranks, plan.sync, plan.bucket_bytes, plan.overlap};
  Result result;
  TrainerCallbacks callbacks{
      .on_step = [&](const StepReport& step) { result.losses.push_back(step.loss); },
      .on_epoch = [&](const EpochReport& epoch) { result.epochs.push_back(epoch); }};
  if (plan.should_stop) callbacks.should_stop = [&] { return plan.should_stop(ranks.rank()); };
  // Ranks other than 0 begin with other weights: what counts is rank 0's.
  Trainer trainer(make_model(plan.model, 3, {1, 8, 8, 1}, 11 + std::uint64_t(ranks.rank())), {},
                  options, callbacks);
  if (plan.resume) trainer.resume(state_path(plan.path));
  result.ending = trainer.run(train, &tests);
  result.weights = numbers_of(trainer.model());
  return result;
}

// The result of rank 0, and that the others have the same.
Result train(const Plan& plan) {
  std::vector<Result> results(std::size_t(plan.ranks));
  parallel::run_thread_ranks(plan.ranks, [&](Communicator& ranks) {
    results[std::size_t(ranks.rank())] = train_rank(plan, ranks);
  });
  for (const Result& result : results) {
    EXPECT_EQ(result.losses, results[0].losses);
    EXPECT_EQ(result.weights, results[0].weights);
    EXPECT_EQ(result.ending, results[0].ending);
  }
  return results[0];
}

// An untrained network multiplies any rounding at each step (docs/benchmarks.md), so that the first
// two, which see each gradient and statistic once, may be held tighter than those after them.
void expect_near(const Result& a, const Result& b, double first_two, double later) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (std::size_t i = 0; i < a.losses.size(); ++i)
    EXPECT_NEAR(a.losses[i], b.losses[i], (i < 2 ? first_two : later) * a.losses[i])
        << "step " << i + 1;
}

class SyncedRanks : public testing::TestWithParam<std::string> {};

TEST_P(SyncedRanks, TrainAsOneProcessDoes) {
  const Plan one{.model = GetParam(), .max_steps = 4};
  const Result want = train(one);
  for (const int count : {2, 3}) {
    Plan several = one;
    several.ranks = count;
    SCOPED_TRACE(count);
    expect_near(want, train(several), 2e-5, 3e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, SyncedRanks, testing::Values("resnet8", "resnet20"),
                         [](const auto& test) { return test.param; });

// Some ranks have none of the batch's three images, and go along.
TEST(DataParallel, BatchesWithFewerImagesThanRanks) {
  const Result want = train({.max_steps = 1, .images = 3});
  for (const int count : {4, 5}) {
    const Result several = train({.ranks = count, .max_steps = 1, .images = 3});
    EXPECT_NEAR(several.losses[0], want.losses[0], 1e-5);
    ASSERT_EQ(several.weights.size(), want.weights.size());
    for (std::size_t i = 0; i < want.weights.size(); ++i)
      ASSERT_NEAR(several.weights[i], want.weights[i], 1e-6) << i;
  }
}

TEST(DataParallel, EpochsAndScoresAreThoseOfOneProcess) {
  const Result one = train({}), two = train({.ranks = 2});
  ASSERT_EQ(two.losses.size(), 10u);
  expect_near(one, two, 2e-2, 2e-2);  // rounding grows from step to step
  ASSERT_EQ(two.epochs.size(), 2u);
  EXPECT_EQ(two.epochs[1].train.images, 129);
  EXPECT_EQ(two.epochs[1].validation.images, 101);
  EXPECT_NEAR(two.epochs[0].train.loss(), one.epochs[0].train.loss(), 1e-3);
  EXPECT_NEAR(two.epochs[1].validation.loss(), one.epochs[1].validation.loss(), 0.05);
}

TEST(DataParallel, WithoutSyncTheStatisticsAreOfTheParts) {
  const Result one = train({.max_steps = 4}),
               two = train({.ranks = 2, .sync = false, .max_steps = 4});
  EXPECT_NEAR(two.losses[0], one.losses[0], 0.3 * one.losses[0]);
  EXPECT_GT(std::abs(two.losses[0] - one.losses[0]), 1e-4 * one.losses[0]);
}

TEST(DataParallel, ResultIsTheSameBitsInEveryRunWhateverTheBuckets) {
  for (const bool sync : {true, false}) {
    const Plan base{.ranks = 3, .sync = sync};
    const Result want = train(base);
    Plan other = base;
    other.bucket_bytes = 1000;  // less than most gradients
    EXPECT_EQ(train(other).weights, want.weights);
    other.overlap = false;
    EXPECT_EQ(train(other).weights, want.weights);
  }
}

TEST(DataParallel, ResumesBitForBitAndWithAnotherNumberOfRanks) {
  const Scratch scratch;
  const Result whole = train({.ranks = 2, .sync = false});
  Plan cut{.ranks = 2, .sync = false, .max_steps = 3, .path = scratch.path("m.safetensors")};
  EXPECT_EQ(train(cut).ending, Ending::step_limit);
  const std::string state = scratch.read("m.state.safetensors");
  cut.max_steps = 0;
  cut.resume = true;
  EXPECT_EQ(train(cut).weights, whole.weights);

  const Plan alone{.path = scratch.path("m.safetensors"), .resume = true};
  scratch.write("m.state.safetensors", state);
  const Result one = train(alone);
  scratch.write("m.state.safetensors", state);
  Plan three = alone;
  three.ranks = 3;
  const Result other = train(three);
  EXPECT_EQ(one.losses.size(), 7u);
  EXPECT_NEAR(other.losses[0], one.losses[0], 1e-5);
}

TEST(DataParallel, OneRankThatWantsToStopStopsAll) {
  const Scratch scratch;
  std::atomic<int> asked = 0;
  const Result result =
      train({.ranks = 3, .path = scratch.path("m.safetensors"), .should_stop = [&](int rank) {
               return rank == 2 && ++asked == 4;
             }});
  EXPECT_EQ(result.ending, Ending::stopped);
  EXPECT_EQ(result.losses.size(), 4u);
  EXPECT_GT(scratch.read("m.state.safetensors").size(), 1000u);
}

TEST(DataParallel, StepsOfSeveralRanksCannotBeRecorded) {
  EXPECT_THROW(parallel::run_thread_ranks(
                   2,
                   [](Communicator& ranks) {
                     TrainerOptions options{.record_steps = true};
                     options.parallel.ranks = &ranks;
                     const Trainer trainer(make_model("resnet8", 3, {1, 8, 8, 1}, 1), {}, options);
                   }),
               ArgumentError);
}

TEST(DataParallel, NanOnOneRankStopsAllBeforeTheWeightsChange) {
  std::atomic<int> silent = 0;
  try {
    parallel::run_thread_ranks(3, [&](Communicator& ranks) {
      Tensor images = Tensor::full({6, 8, 8, 1}, 1);
      images.values<float>()[64 * 3] = NAN;  // rank 1 has images 2 and 3
      MemorySource all(images, Tensor::zeros({6}, DType::int32), 6);
      PartSource part(all, ranks.rank(), ranks.size());
      TrainerOptions options;
      options.parallel.ranks = &ranks;
      Trainer trainer(make_model("resnet8", 3, {1, 8, 8, 1}, 1), {}, options);
      const Tensor before = trainer.model()[trainer.model().find("linear.weight")].value.clone();
      try {
        trainer.run(part);
        ADD_FAILURE() << "no error on rank " << ranks.rank();
      } catch (const RankError& error) {
        silent += error.silent ? 1 : 0;
      }
      const Tensor after = trainer.model()[trainer.model().find("linear.weight")].value;
      EXPECT_TRUE(std::ranges::equal(after.values<float>(), before.values<float>()));
    });
    FAIL() << "no error";
  } catch (const NumericError& error) {
    EXPECT_THAT(error.what(), HasSubstr("at step 1"));
  }
  EXPECT_EQ(silent, 2);
}

TEST(DataParallel, WeightsThatDriftedApartAreNoticed) {
  try {
    parallel::run_thread_ranks(2, [](Communicator& ranks) {
      check_equal(ranks, {{"a", Tensor::full({3}, 1)}});
      check_equal(ranks, {{"a", Tensor::full({3}, ranks.rank() == 0 ? 1.0f : 1.0000001f)}});
    });
    FAIL() << "no error";
  } catch (const RankError& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 1"));
    EXPECT_FALSE(error.silent);
  }
}

TEST(DataParallel, BuffersAreAveragedByImages) {
  parallel::run_thread_ranks(2, [](Communicator& ranks) {
    Graph graph;
    graph.add_buffer("mean", Tensor::full({2}, ranks.rank() == 0 ? 1 : 5));
    graph.add_buffer("count", Tensor::zeros({1}, DType::int32));
    average_buffers(ranks, graph, ranks.rank() == 0 ? 0.75 : 0.25);
    EXPECT_EQ(graph[0].value.values<float>()[1], 2);
  });
}

}  // namespace
}  // namespace hush::nn
