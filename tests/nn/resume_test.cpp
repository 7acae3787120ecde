// Interrupted runs: stopped, or killed at any moment, and resumed, they end with the same bytes as
// a run that went through.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "core/thread_pool.h"
#include "nn/models.h"
#include "nn/trainer.h"
#include "tests/nn/memory_source.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kBatches = 6;
const ModelInfo kInfo{.model = "resnet8",
                      .dataset = "task",
                      .classes = 3,
                      .image = {1, 8, 8, 1},
                      .mean = {},
                      .std = {},
                      .class_names = {},
                      .revision = {},
                      .options = {{"lr", "0.05"}}};

TrainerOptions run_options(OptimizerKind kind, const std::filesystem::path& model_path) {
  return {.epochs = 2,
          .clip_norm = 2,
          .label_smoothing = 0.1f,
          .model_path = model_path,
          .optimizer = {.kind = kind, .weight_decay = 5e-4f},
          .schedule = {.learning_rate = 0.05, .warmup_steps = 3}};
}

// One run of two epochs into `folder`: begins, or continues if there is a state file.
class TaskRun {
 public:
  explicit TaskRun(const std::filesystem::path& folder, OptimizerKind kind = OptimizerKind::sgd)
      : options(run_options(kind, folder / "m.safetensors")) {}

  Ending go(ModelInfo info = kInfo) {
    // The seed of a resumed run's model is another: all that counts comes from the file.
    const auto state = state_path(options.model_path);
    const bool resuming = std::filesystem::exists(state);
    MemorySource train = make_task(32 * kBatches, 32, 1), validation = make_task(64, 64, 2);
    Trainer trainer(make_model("resnet8", 3, {1, 8, 8, 1}, resuming ? 99 : 1), std::move(info),
                    options, callbacks);
    if (resuming) trainer.resume(state);
    return trainer.run(train, &validation);
  }

  TrainerOptions options;
  TrainerCallbacks callbacks;
};

std::string files_of(const Scratch& scratch) {
  return scratch.read("m.safetensors") + scratch.read("m.state.safetensors");
}

std::string straight_run(OptimizerKind kind) {
  const Scratch scratch;
  EXPECT_EQ(TaskRun(scratch.path(""), kind).go(), Ending::finished);
  return files_of(scratch);
}

class Resume : public testing::TestWithParam<OptimizerKind> {};

TEST_P(Resume, AfterAnyStepEndsWithTheSameBytes) {
  const std::string expected = straight_run(GetParam());
  ASSERT_GT(expected.size(), 100'000u);
  const int threads = thread_count();
  for (std::int64_t stop = 1; stop < 2 * kBatches; ++stop) {
    const Scratch scratch;
    TaskRun first(scratch.path(""), GetParam());
    std::int64_t steps = 0;
    first.callbacks.should_stop = [&] { return ++steps == stop; };
    EXPECT_EQ(first.go(), Ending::stopped);
    set_thread_count(stop % 2 == 0 ? 1 : 2);  // which must not matter either
    EXPECT_EQ(TaskRun(scratch.path(""), GetParam()).go(), Ending::finished);
    set_thread_count(threads);
    EXPECT_TRUE(files_of(scratch) == expected) << "stopped after step " << stop;
  }
}

std::string optimizer_name(const testing::TestParamInfo<OptimizerKind>& test) {
  return test.param == OptimizerKind::sgd    ? "Sgd"
         : test.param == OptimizerKind::adam ? "Adam"
                                             : "AdamW";
}

INSTANTIATE_TEST_SUITE_P(All, Resume,
                         testing::Values(OptimizerKind::sgd, OptimizerKind::adam,
                                         OptimizerKind::adamw),
                         optimizer_name);

TEST(ResumeLimits, StepLimitStopsAndSaves) {
  const std::string expected = straight_run(OptimizerKind::sgd);
  const Scratch scratch;
  for (const std::int64_t limit : {4, 6, 7}) {
    TaskRun part(scratch.path(""));
    part.options.max_steps = limit;
    std::int64_t last = 0;
    part.callbacks.on_step = [&](const StepReport& step) { last = step.step; };
    EXPECT_EQ(part.go(), Ending::step_limit);
    EXPECT_EQ(last, limit);
  }
  EXPECT_EQ(TaskRun(scratch.path("")).go(), Ending::finished);
  EXPECT_TRUE(files_of(scratch) == expected);
}

TEST(ResumeLimits, FinishedRunHasNothingLeft) {
  const Scratch scratch;
  TaskRun(scratch.path("")).go();
  const std::string before = files_of(scratch);
  TaskRun again(scratch.path(""));
  again.callbacks.on_step = [](const StepReport&) { FAIL() << "a step too many"; };
  EXPECT_EQ(again.go(), Ending::finished);
  EXPECT_TRUE(files_of(scratch) == before);
}

TEST(ResumeLimits, OtherOptionsAreRefusedByName) {
  const Scratch scratch;
  TaskRun(scratch.path("")).go();
  ModelInfo other = kInfo;
  other.options = {{"lr", "0.1"}, {"batch", "32"}};
  try {
    TaskRun(scratch.path("")).go(other);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("lr was '0.05', now '0.1', batch was '', now '32'"));
  }
  TaskRun adam(scratch.path(""), OptimizerKind::adam);
  EXPECT_THROW(adam.go(), FileError);
}

TEST(ResumeLimits, ModelFilesAreNoState) {
  const Scratch scratch;
  TaskRun(scratch.path("")).go();
  std::filesystem::copy_file(scratch.path("m.safetensors"), scratch.path("m.state.safetensors"),
                             std::filesystem::copy_options::overwrite_existing);
  try {
    TaskRun(scratch.path("")).go();
    FAIL() << "no error";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it is no training state"));
  }
}

// The program that the next test kills: itself, with $HUSH_KILLED_RUN naming the folder.
TEST(KilledRun, DISABLED_Victim) {
  const char* folder = std::getenv("HUSH_KILLED_RUN");
  ASSERT_NE(folder, nullptr) << "run by KilledRun.ResumesFromWhateverIsLeft";
  TaskRun run(folder);
  run.options.save_every = 1;
  run.callbacks.on_step = [&](const StepReport& step) {
    std::ofstream(std::string(folder) + "/steps", std::ios::app) << step.step << '\n';
  };
  run.go();
}

// Starts the victim and kills it `microseconds` after it has done `steps` more steps; false if
// it finished before.
bool run_and_kill(const Scratch& scratch, std::int64_t steps, unsigned microseconds) {
  const std::string folder = "HUSH_KILLED_RUN=" + scratch.path("").string();
  std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=KilledRun.DISABLED_Victim";
  std::string disabled = "--gtest_also_run_disabled_tests", brief = "--gtest_brief=1";
  std::array arguments{program.data(), filter.data(), disabled.data(), brief.data(),
                       static_cast<char*>(nullptr)};
  std::string assignment = folder;
  std::vector<char*> environment{assignment.data()};
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  scratch.write("steps", "");

  pid_t child = 0;
  if (posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(),
                  environment.data()) != 0)
    ADD_FAILURE() << "cannot start " << program;
  const auto lines = [&] { return std::ranges::count(scratch.read("steps"), '\n'); };
  int status = 0;
  while (lines() < steps) {
    if (::waitpid(child, &status, WNOHANG) == child) {
      EXPECT_EQ(status, 0);
      return false;
    }
    ::usleep(200);
  }
  ::usleep(microseconds);  // into whatever it is doing: a step, or writing either file
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
  return WIFSIGNALED(status);
}

TEST(KilledRun, ResumesFromWhateverIsLeft) {
  const Scratch scratch, straight;
  ASSERT_EQ(TaskRun(straight.path("")).go(), Ending::finished);
  int kills = 0;
  RandomStream random(3, RandomUse::test);
  // Every second process comes at least a step further than the last, so this ends.
  while (kills < 40 && run_and_kill(scratch, 1 + kills % 2, random.below(8000))) ++kills;
  EXPECT_GE(kills, 3);
  while (run_and_kill(scratch, 1000, 0)) continue;  // now undisturbed
  EXPECT_TRUE(files_of(scratch) == files_of(straight)) << kills << " kills";
}

}  // namespace
}  // namespace hush::nn
