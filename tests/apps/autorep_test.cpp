// The replacement program as a user meets it: it keeps its promise, goes on after a kill, sweeps,
// its files are read by the other programs, and it says in one line what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "apps/common/json_lines.h"
#include "nn/safetensors.h"
#include "tests/apps/run_program.h"

namespace hush::test {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

class AutorepTest : public ::testing::Test {
 protected:
  // One small dataset, and one network that has hardly seen it, for all tests.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    write_tiny_cifar10(folder_->path(), 64);
    start_ = *folder_ / "start.safetensors";
    pretrain(start_, "1");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static void pretrain(const std::string& out, const std::string& epochs) {
    const ProgramResult trained = run_program(
        "pretrain", {"--data", folder_->path().string(), "--model", "resnet8", "--epochs", epochs,
                     "--batch", "32", "--lr", "0.02", "--no-augment", "--out", out, "--no-eval"});
    ASSERT_EQ(trained.status, 0) << trained.error;
  }

  // A run of 2 epochs of 10 steps; what is given besides goes before these defaults.
  static Arguments tiny_run(const std::string& out, Arguments more = {}) {
    const std::vector<std::pair<std::string, std::string>> defaults = {
        {"--data", folder_->path().string()},
        {"--from", start_},
        {"--epochs", "2"},
        {"--batch", "32"},
        {"--budget", "4000"},
        {"--out", out}};
    for (const auto& [name, value] : defaults) {
      if (std::ranges::count(more, name) > 0) continue;
      more.push_back(name);
      more.push_back(value);
    }
    return more;
  }

  static std::string failing_line(const Arguments& arguments) {
    const ProgramResult result = run_program("autorep", arguments);
    EXPECT_EQ(result.status, 1) << result.output << result.error;
    EXPECT_THAT(result.last_error_line(), ::testing::StartsWith("autorep: "));
    return result.last_error_line();
  }

  static std::unique_ptr<TemporaryFolder> folder_;
  static std::string start_;
  const TemporaryFolder out_;
};

std::unique_ptr<TemporaryFolder> AutorepTest::folder_;
std::string AutorepTest::start_;

TEST_F(AutorepTest, KeepsTheBudgetAndTheAccuracyAndOthersReadItsFile) {
  pretrain(out_ / "trained.safetensors", "20");
  const std::string path = out_ / "a.safetensors";
  const ProgramResult result = run_program(
      "autorep",
      tiny_run(path, {"--epochs", "8", "--no-augment", "--from", out_ / "trained.safetensors"}));
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("by layer: relu "));

  const ProgramResult inspected = run_program("inspect", {"--weights", path, "--json"});
  ASSERT_EQ(inspected.status, 0) << inspected.error;
  const apps::Json facts = apps::Json::parse(inspected.output);
  EXPECT_EQ(facts["relus"], 4000);
  EXPECT_EQ(facts["budget"], 4000);
  EXPECT_EQ(facts["replacement"], "autorep dapa2");

  const ProgramResult score =
      run_program("evaluate", {"--weights", path, "--data", folder_->path().string(), "--json"});
  ASSERT_EQ(score.status, 0) << score.error;
  EXPECT_GT(apps::Json::parse(score.output)["top1"].get<double>(), 0.7) << score.output;

  const std::vector<apps::Json> lines = apps::read_json_lines(out_ / "a.jsonl");
  EXPECT_EQ(lines.front()["run"], "autorep");
  EXPECT_EQ(lines.front()["layers"].size(), 7u);
  EXPECT_EQ(lines[1]["polynomials"].size(), 7u);
  EXPECT_EQ(lines.back()["relus"], 4000);
  std::int64_t by_layer = 0;
  for (const apps::Json& n : lines[lines.size() - 2]["relus_by_layer"]) by_layer += n.get<int>();
  EXPECT_EQ(by_layer, 4000);
}

void kill_after_first_save(pid_t process, void* context) {
  const auto& state = *static_cast<const std::string*>(context);
  for (int i = 0; i < 20000 && !std::filesystem::exists(state); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(15));
  ::kill(process, SIGKILL);
}

TEST_F(AutorepTest, KilledAndResumedEndsWithTheSameFiles) {
  ASSERT_EQ(run_program("autorep", tiny_run(out_ / "whole.safetensors")).status, 0);
  std::string state = out_ / "cut.state.safetensors";
  Arguments cut = tiny_run(out_ / "cut.safetensors", {"--save-every", "3"});
  const ProgramResult killed =
      run_program("autorep", cut, {.while_running = kill_after_first_save, .context = &state});
  ASSERT_EQ(killed.status, 128 + SIGKILL) << "it ended before it could be killed";
  cut.push_back("--resume");
  const ProgramResult resumed = run_program("autorep", cut);
  ASSERT_EQ(resumed.status, 0) << resumed.error;
  EXPECT_EQ(read_file(out_ / "whole.safetensors"), read_file(out_ / "cut.safetensors"));
  EXPECT_EQ(read_file(out_ / "whole.state.safetensors"), read_file(out_ / "cut.state.safetensors"));
}

void interrupt_after_first_save(pid_t process, void* context) {
  const auto& state = *static_cast<const std::string*>(context);
  for (int i = 0; i < 20000 && !std::filesystem::exists(state); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(process, SIGINT);
}

TEST_F(AutorepTest, CtrlCSavesAndSaysHowToResume) {
  std::string state = out_ / "a.state.safetensors";
  const ProgramResult result = run_program(
      "autorep",
      tiny_run(out_ / "a.safetensors", {"--epochs", "50", "--save-every", "1", "--no-eval"}),
      {.while_running = interrupt_after_first_save, .context = &state});
  EXPECT_EQ(result.status, 130);
  EXPECT_THAT(result.output, HasSubstr("--resume continues"));
  EXPECT_FALSE(std::filesystem::exists(out_ / "a.safetensors")) << "it is not within its budget";
}

TEST_F(AutorepTest, SweepRunsTheGridAndPassesOverWhatIsDone) {
  const Arguments grid = tiny_run((out_ / "grid"), {"--sweep", "--budget", "5000,2000", "--method",
                                                    "autorep,random", "--epochs", "1"});
  const ProgramResult first = run_program("autorep", grid);
  ASSERT_EQ(first.status, 0) << first.error;
  for (const std::string method : {"autorep", "random"})
    for (const int budget : {5000, 2000}) {
      const std::string name =
          fmt::format("grid/{}-dapa2-{}-th0.003-mu140-seed0.safetensors", method, budget);
      const ProgramResult inspected = run_program("inspect", {"--weights", out_ / name, "--json"});
      ASSERT_EQ(inspected.status, 0) << inspected.error;
      EXPECT_EQ(apps::Json::parse(inspected.output)["relus"], budget) << name;
    }
  const ProgramResult second = run_program("autorep", grid);
  ASSERT_EQ(second.status, 0) << second.error;
  EXPECT_THAT(second.output, HasSubstr("run 4 of 4"));
  EXPECT_THAT(second.output, HasSubstr("is done"));
  EXPECT_THAT(second.output, ::testing::Not(HasSubstr("epoch")));
}

TEST_F(AutorepTest, HeldOutImagesAreScoredInsteadOfTheTestImages) {
  const ProgramResult result = run_program(
      "autorep",
      tiny_run(out_ / "a.safetensors", {"--holdout", "100", "--images", "96", "--epochs", "1"}));
  ASSERT_EQ(result.status, 0) << result.error;
  const std::vector<apps::Json> lines = apps::read_json_lines(out_ / "a.jsonl");
  EXPECT_EQ(lines.front()["data"]["images"], 96);
  EXPECT_TRUE(lines.back().contains("held-out_accuracy"));
  EXPECT_FALSE(lines.back().contains("test_accuracy"));
  EXPECT_EQ(lines[lines.size() - 2]["step"], 3);
  EXPECT_THAT(failing_line(tiny_run(out_ / "b.safetensors", {"--holdout", "100000"})),
              HasSubstr("--holdout 100000"));
}

TEST_F(AutorepTest, BudgetsOutOfRange) {
  for (const char* budget : {"0", "-3", "999999999"})
    EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors", {"--budget", budget})),
                HasSubstr("budget"));
  EXPECT_TRUE(std::filesystem::is_empty(out_.path())) << "something half-written was left";
  EXPECT_THAT(failing_line({"--from", start_}), HasSubstr("--budget"));
}

TEST_F(AutorepTest, CheckpointOfAnotherArchitecture) {
  EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors", {"--model", "resnet20"})),
              HasSubstr("holds a resnet8"));
}

// As files from elsewhere: tensors, and no metadata that says of what.
TEST_F(AutorepTest, WeightsOfAnotherArchitectureWithoutMetadata) {
  const std::string path = out_ / "plain.safetensors";
  const nn::SafetensorsFile start(start_);
  std::vector<nn::NamedTensor> tensors;
  for (const nn::FileTensor& tensor : start.tensors())
    tensors.push_back({tensor.name, start.read(tensor.name)});
  nn::write_safetensors(path, tensors, {});
  EXPECT_THAT(
      failing_line(tiny_run(out_ / "a.safetensors", {"--from", path, "--model", "resnet20"})),
      HasSubstr("layer1.1.conv1.weight"));
  EXPECT_EQ(run_program("autorep", tiny_run(out_ / "a.safetensors", {"--from", path, "--model",
                                                                     "resnet8", "--epochs", "1"}))
                .status,
            0);
}

TEST_F(AutorepTest, CheckpointThatIsReplacedAlready) {
  const std::string path = out_ / "a.safetensors";
  ASSERT_EQ(run_program("autorep", tiny_run(path, {"--epochs", "1"})).status, 0);
  EXPECT_THAT(failing_line(tiny_run(out_ / "b.safetensors", {"--from", path})),
              HasSubstr("replaced already"));
}

TEST_F(AutorepTest, DatasetOfAnotherClassCount) {
  if (!std::filesystem::exists("datasets/cifar-100-binary"))
    GTEST_SKIP() << "datasets/cifar-100-binary is missing: make datasets";
  EXPECT_THAT(failing_line({"--from", start_, "--dataset", "cifar100", "--data", "datasets",
                            "--budget", "100", "--out", out_ / "a.safetensors"}),
              HasSubstr("10 classes"));
}

TEST_F(AutorepTest, NothingToStartFrom) {
  EXPECT_THAT(failing_line({"--data", folder_->path().string(), "--model", "wrn-22-8", "--budget",
                            "100", "--out", out_ / "a.safetensors"}),
              HasSubstr("./apps/pretrain"));
}

TEST_F(AutorepTest, SeveralRunsWantASweep) {
  EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors", {"--budget", "1,2"})),
              HasSubstr("--sweep"));
}

TEST_F(AutorepTest, ResumingWithOtherOptionsNamesThem) {
  const std::string path = out_ / "a.safetensors";
  ASSERT_EQ(run_program("autorep", tiny_run(path, {"--max-steps", "2"})).status, 0);
  EXPECT_THAT(failing_line(tiny_run(path, {"--resume", "--th", "0.1"})), HasSubstr("th"));
  EXPECT_THAT(failing_line(tiny_run(path)), HasSubstr("--resume"));
}

}  // namespace
}  // namespace hush::test
