// The training program as a user meets it: it learns, resumes bit for bit, and says in one line
// what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/apps/run_program.h"

namespace hush::test {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

class PretrainTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    write_tiny_cifar10(folder_->path(), 64);
  }
  static void TearDownTestSuite() { folder_.reset(); }

  // A run of 2 epochs of 10 steps; what is given besides goes before these defaults.
  static Arguments tiny_run(const std::string& out, Arguments more = {}) {
    const std::vector<std::pair<std::string, std::string>> defaults = {
        {"--dataset", "cifar10"}, {"--data", folder_->path().string()},
        {"--model", "resnet8"},   {"--epochs", "2"},
        {"--batch", "32"},        {"--lr", "0.02"},
        {"--seed", "3"},          {"--out", out}};
    for (const auto& [name, value] : defaults) {
      if (std::ranges::count(more, name) > 0) continue;
      more.push_back(name);
      more.push_back(value);
    }
    return more;
  }

  // Runs, expects status 1 and exactly one line of error besides progress; returns it.
  static std::string failing_line(const Arguments& arguments, const RunOptions& options = {}) {
    const ProgramResult result = run_program("pretrain", arguments, options);
    EXPECT_EQ(result.status, 1) << result.output << result.error;
    EXPECT_THAT(result.last_error_line(), ::testing::StartsWith("pretrain: "));
    return result.last_error_line();
  }

  static std::unique_ptr<TemporaryFolder> folder_;
  const TemporaryFolder out_;
};

std::unique_ptr<TemporaryFolder> PretrainTest::folder_;

TEST_F(PretrainTest, LearnsAndWritesModelStateAndMetrics) {
  const ProgramResult result =
      run_program("pretrain", tiny_run(out_ / "a.safetensors", {"--epochs", "10", "--no-augment"}));
  ASSERT_EQ(result.status, 0) << result.error;
  const std::string metrics = read_file(out_ / "a.jsonl");
  EXPECT_THAT(metrics, HasSubstr("\"epoch\":10"));
  EXPECT_THAT(metrics, HasSubstr("\"revision\""));
  EXPECT_THAT(metrics, HasSubstr("\"sha256\""));
  EXPECT_TRUE(std::filesystem::exists(out_ / "a.state.safetensors"));

  const ProgramResult score = run_program(
      "evaluate", {"--weights", out_ / "a.safetensors", "--data", folder_->path().string()});
  ASSERT_EQ(score.status, 0) << score.error;
  const auto at = score.output.find("top-1 ");
  ASSERT_NE(at, std::string::npos) << score.output;
  EXPECT_GT(std::stod(score.output.substr(at + 6)), 80) << score.output;
}

TEST_F(PretrainTest, SameSeedGivesTheSameFileWhateverTheThreads) {
  ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "one.safetensors", {"--threads", "1"})).status,
            0);
  ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "two.safetensors", {"--threads", "3"})).status,
            0);
  EXPECT_EQ(read_file(out_ / "one.safetensors"), read_file(out_ / "two.safetensors"));
}

// Waits until the state file has been written for the first time, and a bit, then kills.
void kill_after_first_save(pid_t process, void* context) {
  const auto& state = *static_cast<const std::string*>(context);
  for (int i = 0; i < 20000 && !std::filesystem::exists(state); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(15));
  ::kill(process, SIGKILL);
}

TEST_F(PretrainTest, KilledAndResumedEndsWithTheSameFiles) {
  ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "whole.safetensors")).status, 0);
  std::string state = out_ / "cut.state.safetensors";
  const Arguments cut = tiny_run(out_ / "cut.safetensors", {"--save-every", "3"});
  const ProgramResult killed =
      run_program("pretrain", cut, {.while_running = kill_after_first_save, .context = &state});
  ASSERT_EQ(killed.status, 128 + SIGKILL) << "it ended before it could be killed";
  Arguments resumed = cut;
  resumed.push_back("--resume");
  const ProgramResult result = run_program("pretrain", resumed);
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(read_file(out_ / "whole.safetensors"), read_file(out_ / "cut.safetensors"));
  EXPECT_EQ(read_file(out_ / "whole.state.safetensors"), read_file(out_ / "cut.state.safetensors"));
}

void interrupt_after_first_save(pid_t process, void* context) {
  const auto& state = *static_cast<const std::string*>(context);
  for (int i = 0; i < 20000 && !std::filesystem::exists(state); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(process, SIGINT);
}

TEST_F(PretrainTest, CtrlCSavesAndSaysHowToResume) {
  std::string state = out_ / "a.state.safetensors";
  const ProgramResult result = run_program(
      "pretrain",
      tiny_run(out_ / "a.safetensors", {"--epochs", "50", "--save-every", "1", "--no-eval"}),
      {.while_running = interrupt_after_first_save, .context = &state});
  EXPECT_EQ(result.status, 130);
  EXPECT_THAT(result.output, HasSubstr("--resume continues"));
}

TEST_F(PretrainTest, ResumingWithOtherOptionsNamesThem) {
  ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "a.safetensors", {"--max-steps", "4"})).status,
            0);
  EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors", {"--resume", "--weight-decay", "0.3"})),
              HasSubstr("weight_decay"));
}

TEST_F(PretrainTest, AnOldRunIsNotOverwrittenUnasked) {
  ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "a.safetensors", {"--max-steps", "1"})).status,
            0);
  const std::string before = read_file(out_ / "a.safetensors");
  EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors")), HasSubstr("--overwrite"));
  EXPECT_EQ(read_file(out_ / "a.safetensors"), before);
}

TEST_F(PretrainTest, UnknownFlag) {
  EXPECT_THAT(failing_line({"--dataset", "cifar10", "--learning-speed", "3"}),
              HasSubstr("--learning-speed"));
}

TEST_F(PretrainTest, WhatOnlyGpusDoIsRefusedOnTheCpu) {
  const auto line = [&](const std::string& option, const std::string& value) {
    return failing_line(tiny_run(out_ / "gpu.safetensors", {option, value, "--device", "cpu"}));
  };
  EXPECT_THAT(line("--precision", "bf16"), HasSubstr("--precision bf16 needs a CUDA device"));
  EXPECT_THAT(line("--gemm", "cublas"), HasSubstr("--gemm cublas --conv own need a CUDA device"));
  EXPECT_THAT(line("--conv", "cudnn"), HasSubstr("need a CUDA device"));
  EXPECT_THAT(line("--cuda-graph", "on"), HasSubstr("--cuda-graph on needs a CUDA device"));
  EXPECT_THAT(line("--precision", "fp8"), HasSubstr("fp8"));
}

TEST_F(PretrainTest, SeveralRanksCannotRecordTheirSteps) {
  EXPECT_THAT(failing_line(tiny_run(out_ / "ranks.safetensors",
                                    {"--cuda-graph", "on", "--ranks", "2", "--sync-batch-norm"})),
              HasSubstr("--cuda-graph on is for one rank"));
}

TEST_F(PretrainTest, MissingDataSaysWhereToPutWhichFile) {
  const std::string line = failing_line({"--dataset", "imagefolder", "--data", out_ / "nowhere"});
  EXPECT_THAT(line, HasSubstr("nowhere"));
}

TEST_F(PretrainTest, TruncatedBatchFile) {
  std::filesystem::copy(folder_->path(), out_.path() / "data",
                        std::filesystem::copy_options::recursive);
  const auto file = out_.path() / "data/cifar-10-batches-bin/data_batch_3.bin";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  EXPECT_THAT(failing_line({"--dataset", "cifar10", "--data", out_ / "data"}),
              HasSubstr("data_batch_3.bin"));
}

TEST_F(PretrainTest, LabelOutOfRange) {
  std::filesystem::copy(folder_->path(), out_.path() / "data",
                        std::filesystem::copy_options::recursive);
  std::fstream file(out_.path() / "data/cifar-10-batches-bin/data_batch_1.bin",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.put(char(11));
  file.close();
  EXPECT_THAT(failing_line({"--dataset", "cifar10", "--data", out_ / "data"}), HasSubstr("11"));
}

TEST_F(PretrainTest, CorruptWeights) {
  std::ofstream(out_ / "bad.safetensors") << "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
  EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors", {"--from", out_ / "bad.safetensors"})),
              HasSubstr("bad.safetensors"));
}

TEST_F(PretrainTest, WeightsOfAnotherShape) {
  ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "a.safetensors", {"--max-steps", "1"})).status,
            0);
  const std::string line = failing_line(
      tiny_run(out_ / "b.safetensors", {"--model", "resnet20", "--from", out_ / "a.safetensors"}));
  EXPECT_THAT(line, HasSubstr("layer"));
}

TEST_F(PretrainTest, NanLossNamesStepAndRate) {
  const std::string line =
      failing_line(tiny_run(out_ / "a.safetensors", {"--lr", "1e30", "--schedule", "constant"}));
  EXPECT_THAT(line, HasSubstr("step"));
  EXPECT_THAT(line, HasSubstr("learning rate"));
}

TEST_F(PretrainTest, ReadOnlyFolder) {
  if (::geteuid() == 0) {
    // root may write anywhere but into a file system that is no folder at all
    EXPECT_THAT(failing_line(tiny_run("/proc/hush/a.safetensors")), HasSubstr("--out"));
    return;
  }
  std::filesystem::permissions(
      out_.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_THAT(failing_line(tiny_run(out_ / "a.safetensors")), HasSubstr("--out"));
}

TEST_F(PretrainTest, FullDiskLeavesTheOldFile) {
  const std::string model = out_ / "a.safetensors";
  ASSERT_EQ(run_program("pretrain", tiny_run(model, {"--max-steps", "1"})).status, 0);
  const std::string before = read_file(model);
  const std::string line =
      failing_line(tiny_run(model, {"--overwrite"}), {.file_size_limit = 100 << 10});
  EXPECT_THAT(line, HasSubstr("a.safetensors"));
  EXPECT_EQ(read_file(model), before);
}

}  // namespace
}  // namespace hush::test
