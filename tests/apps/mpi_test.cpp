// pretrain under mpirun, as a user starts it: the result of one process, files from rank 0 alone,
// and one line when something is wrong on any rank.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>
#include "parallel/mpi_ranks.h"
#include "tests/apps/run_program.h"

namespace hush::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Arguments = std::vector<std::string>;

std::string path_of_mpirun() {
  std::istringstream folders(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/mpirun").c_str(), X_OK) == 0) return folder + "/mpirun";
  return {};
}

class MpiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Open MPI frees little of what it allocates; a sanitized build would end with that as an
    // error.
    ::setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
    folder_ = std::make_unique<TemporaryFolder>();
    write_tiny_cifar10(folder_->path(), 41);  // 205 images: the last batch has 13
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    if (!parallel::mpi_is_in_this_build())
      GTEST_SKIP() << "NOT TESTED: this build has no MPI; install libopenmpi-dev openmpi-bin";
    if (path_of_mpirun().empty())
      GTEST_SKIP() << "NOT TESTED: mpirun is missing; install openmpi-bin";
  }

  // Two epochs of 7 steps; what is given besides goes before these defaults.
  static Arguments tiny_run(const std::string& out, Arguments more = {}) {
    const std::vector<std::pair<std::string, std::string>> defaults = {
        {"--data", folder_->path().string()},
        {"--model", "resnet8"},
        {"--epochs", "2"},
        {"--batch", "32"},
        {"--lr", "0.02"},
        {"--seed", "3"},
        {"--threads", "1"},
        {"--out", out}};
    for (const auto& [name, value] : defaults) {
      if (std::ranges::count(more, name) > 0) continue;
      more.push_back(name);
      more.push_back(value);
    }
    return more;
  }
  static Arguments launch_of(int processes) {
    return {"--allow-run-as-root",
            "--oversubscribe",
            "--bind-to",
            "none",
            "--mca",
            "btl_base_warn_component_unused",
            "0",
            "-n",
            std::to_string(processes),
            std::string(HUSH_APPS_DIR) + "/pretrain"};
  }
  static ProgramResult mpirun(int processes, const Arguments& arguments,
                              const RunOptions& options = {}) {
    Arguments all = launch_of(processes);
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(path_of_mpirun(), all, options);
  }

  static std::vector<double> losses(const std::filesystem::path& metrics) {
    std::vector<double> result;
    std::ifstream file(metrics);
    for (std::string line; std::getline(file, line);) {
      const auto json = nlohmann::json::parse(line);
      if (json.contains("loss")) result.push_back(json["loss"]);
    }
    return result;
  }
  static int lines_of_pretrain(const std::string& text) {
    std::istringstream stream(text);
    int count = 0;
    for (std::string line; std::getline(stream, line);)
      count += line.starts_with("pretrain: ") ? 1 : 0;
    return count;
  }
  // The one line that says what is wrong.
  static std::string the_line(const ProgramResult& result) {
    EXPECT_NE(result.status, 0);
    EXPECT_EQ(lines_of_pretrain(result.error), 1) << result.error;
    const auto at = result.error.find("pretrain: ");
    return at == std::string::npos ? "" : result.error.substr(at, result.error.find('\n', at) - at);
  }

  static std::unique_ptr<TemporaryFolder> folder_;
  const TemporaryFolder out_;
};

std::unique_ptr<TemporaryFolder> MpiTest::folder_;

TEST_F(MpiTest, LossesAreThoseOfOneProcess) {
  const Arguments common{"--log-steps", "--no-eval", "--epochs", "1", "--sync-batch-norm"};
  const auto run = [&](int processes) {
    const std::string name = "p" + std::to_string(processes);
    Arguments arguments = common;
    arguments.insert(arguments.end(), {"--json", out_ / (name + ".json")});
    const Arguments all = tiny_run(out_ / (name + ".safetensors"), arguments);
    const ProgramResult result =
        processes == 1 ? run_program("pretrain", all) : mpirun(processes, all);
    EXPECT_EQ(result.status, 0) << result.error;
    return losses(out_ / (name + ".json"));
  };
  const std::vector<double> one = run(1);
  ASSERT_EQ(one.size(), 7u);
  for (const int processes : {2, 3}) {
    const std::vector<double> several = run(processes);
    ASSERT_EQ(several.size(), 7u);
    for (std::size_t i = 0; i < 7; ++i)
      EXPECT_NEAR(several[i], one[i], (i < 3 ? 1e-5 : 1e-3) * one[i]) << "step " << i + 1;
  }
}

TEST_F(MpiTest, ResultIsTheSameBitsAsWithThreadsAndInEveryRun) {
  for (const bool sync : {false, true}) {
    Arguments more;
    if (sync) more.push_back("--sync-batch-norm");
    Arguments threads = more;
    threads.insert(threads.end(), {"--ranks", "3"});
    ASSERT_EQ(run_program("pretrain", tiny_run(out_ / "t.safetensors", threads)).status, 0);
    Arguments buckets = more;
    buckets.insert(buckets.end(), {"--bucket-mib", "0.01"});
    for (const Arguments& arguments : {more, buckets}) {
      const ProgramResult result = mpirun(3, tiny_run(out_ / "m.safetensors", arguments));
      ASSERT_EQ(result.status, 0) << result.error;
      EXPECT_EQ(read_file(out_ / "m.state.safetensors"), read_file(out_ / "t.state.safetensors"));
      std::filesystem::remove(out_ / "m.safetensors");
    }
    std::filesystem::remove(out_ / "t.safetensors");
  }
}

TEST_F(MpiTest, RankZeroAloneShowsAndWrites) {
  const ProgramResult result = mpirun(2, tiny_run(out_ / "a.safetensors"));
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("2 ranks on 1 host"));
  for (const char* once : {"epoch   1/2", "epoch   2/2", "wrote "}) {
    const auto at = result.output.find(once);
    ASSERT_NE(at, std::string::npos) << result.output;
    EXPECT_EQ(result.output.find(once, at + 1), std::string::npos) << result.output;
  }
  EXPECT_THAT(read_file(out_ / "a.jsonl"), HasSubstr("\"processes\":2"));
}

TEST_F(MpiTest, ResumesWithAnotherNumberOfRanks) {
  ASSERT_EQ(mpirun(2, tiny_run(out_ / "a.safetensors", {"--max-steps", "5"})).status, 0);
  const ProgramResult three =
      mpirun(3, tiny_run(out_ / "a.safetensors", {"--resume", "--max-steps", "9"}));
  ASSERT_EQ(three.status, 0) << three.error;
  const ProgramResult one = run_program("pretrain", tiny_run(out_ / "a.safetensors", {"--resume"}));
  ASSERT_EQ(one.status, 0) << one.error;
  EXPECT_THAT(read_file(out_ / "a.jsonl"), HasSubstr("\"epoch\":2,\"step\":14"));
}

void wait_for_file(const std::string& path) {
  for (int i = 0; i < 30000 && !std::filesystem::exists(path); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Processes of pretrain that belong to that mpirun, by rank.
std::vector<pid_t> ranks_of(pid_t mpirun) {
  std::vector<std::pair<std::string, pid_t>> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::istringstream status(read_file(entry.path() / "stat"));
    std::string pid, command, state;
    pid_t parent = 0;
    status >> pid >> command >> state >> parent;
    if (parent != mpirun || command != "(pretrain)") continue;
    const std::string environment = read_file(entry.path() / "environ");
    const std::string key = "OMPI_COMM_WORLD_RANK=";
    found.emplace_back(environment.substr(environment.find(key) + key.size(), 1), std::stoi(name));
  }
  std::ranges::sort(found);
  std::vector<pid_t> result;
  for (const auto& [rank, pid] : found) result.push_back(pid);
  return result;
}

struct Victim {
  std::string state;  // the file to wait for
  std::size_t rank = 0;
};

void kill_one_rank(pid_t process, void* context) {
  const auto& victim = *static_cast<const Victim*>(context);
  wait_for_file(victim.state);
  const std::vector<pid_t> ranks = ranks_of(process);
  ASSERT_GT(ranks.size(), victim.rank);
  ::kill(ranks[victim.rank], SIGKILL);
}

TEST_F(MpiTest, ARankThatDiesEndsTheJobWithOneLineAndTheCheckpointIntact) {
  for (const std::size_t rank : {std::size_t{1}, std::size_t{0}}) {
    const std::string name = "k" + std::to_string(rank);
    Victim victim{out_ / (name + ".state.safetensors"), rank};
    Arguments arguments = tiny_run(out_ / (name + ".safetensors"),
                                   {"--epochs", "2000", "--save-every", "1", "--no-eval"});
    const auto start = std::chrono::steady_clock::now();
    const ProgramResult result = mpirun(
        3, arguments, {.while_running = kill_one_rank, .context = &victim, .timeout_seconds = 100});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(90));
    const std::string line = the_line(result);
    EXPECT_THAT(line, HasSubstr("rank " + std::to_string(rank) + " of 3"));
    EXPECT_THAT(line, HasSubstr("is gone"));
    EXPECT_THAT(line, HasSubstr("--resume"));
    arguments.insert(arguments.begin(), {"--resume", "--max-steps", "1"});
    EXPECT_EQ(run_program("pretrain", arguments).status, 0);  // it loads
  }
}

void interrupt_when_saved(pid_t process, void* context) {
  wait_for_file(*static_cast<const std::string*>(context));
  ::kill(process, SIGINT);
}

TEST_F(MpiTest, CtrlCStopsAllRanksAndSaves) {
  std::string state = out_ / "a.state.safetensors";
  const ProgramResult result = mpirun(
      2, tiny_run(out_ / "a.safetensors", {"--epochs", "2000", "--save-every", "1", "--no-eval"}),
      {.while_running = interrupt_when_saved, .context = &state, .timeout_seconds = 100});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr("--resume continues"));
  EXPECT_EQ(lines_of_pretrain(result.error), 0) << result.error;
}

void signal_one_rank(pid_t process, void* context) {
  wait_for_file(*static_cast<const std::string*>(context));
  const std::vector<pid_t> ranks = ranks_of(process);
  ASSERT_EQ(ranks.size(), 2u);
  ::kill(ranks[1], SIGUSR1);
}

TEST_F(MpiTest, ASignalToOneRankStopsAll) {
  std::string state = out_ / "a.state.safetensors";
  const ProgramResult result = mpirun(
      2, tiny_run(out_ / "a.safetensors", {"--epochs", "2000", "--save-every", "1", "--no-eval"}),
      {.while_running = signal_one_rank, .context = &state, .timeout_seconds = 100});
  EXPECT_THAT(result.output, HasSubstr("--resume continues"));
}

// mpirun with other arguments for the second rank.
ProgramResult run_unlike(const Arguments& launch, const Arguments& first, const Arguments& second) {
  Arguments all = launch;
  all.insert(all.end(), first.begin(), first.end());
  all.insert(all.end(), {":", "-n", "1", launch.back()});
  all.insert(all.end(), second.begin(), second.end());
  return run_program(path_of_mpirun(), all, {.timeout_seconds = 100});
}

TEST_F(MpiTest, RanksWithOtherOptionsAreRefused) {
  const std::string line =
      the_line(run_unlike(launch_of(1), tiny_run(out_ / "a.safetensors"),
                          tiny_run(out_ / "a.safetensors", {"--weight-decay", "0.3"})));
  EXPECT_THAT(line,
              HasSubstr("rank 1 differs: weight_decay is '0.3' there and '0.0005' on rank 0"));
  EXPECT_FALSE(std::filesystem::exists(out_ / "a.jsonl"));
}

TEST_F(MpiTest, RanksWithOtherDataAreRefused) {
  const TemporaryFolder other;
  write_tiny_cifar10(other.path(), 41);
  std::fstream file(other.path() / "cifar-10-batches-bin/data_batch_1.bin",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file.put(char(99));
  file.close();
  const std::string line =
      the_line(run_unlike(launch_of(1), tiny_run(out_ / "a.safetensors"),
                          tiny_run(out_ / "a.safetensors", {"--data", other.path().string()})));
  EXPECT_THAT(line, HasSubstr("the digest of the images"));
}

TEST_F(MpiTest, AnErrorOfOneRankAloneIsToldOnce) {
  const std::string line = the_line(run_unlike(
      launch_of(1), tiny_run(out_ / "a.safetensors"),
      tiny_run(out_ / "a.safetensors", {"--data", out_ / "nowhere", "--dataset", "imagefolder"})));
  EXPECT_THAT(line, HasSubstr("rank 1"));
}

TEST_F(MpiTest, AnErrorOfAllRanksIsToldOnceByRankZero) {
  const std::string line = the_line(mpirun(3, {"--learning-speed", "3"}));
  EXPECT_THAT(line, HasSubstr("--learning-speed"));
  EXPECT_THAT(line, Not(HasSubstr("rank ")));
}

TEST_F(MpiTest, NanLossStopsAll) {
  const std::string line = the_line(
      mpirun(2, tiny_run(out_ / "a.safetensors", {"--lr", "1e30", "--schedule", "constant"})));
  EXPECT_THAT(line, HasSubstr("the loss is"));
  EXPECT_THAT(line, HasSubstr("step"));
}

void remove_folder_when_saved(pid_t, void* context) {
  const auto& state = *static_cast<const std::string*>(context);
  wait_for_file(state);
  std::filesystem::remove_all(std::filesystem::path(state).parent_path());
}

TEST_F(MpiTest, SavingThatFailsOnRankZeroEndsAll) {
  std::string state = out_ / "folder/a.state.safetensors";
  const ProgramResult result = mpirun(
      2,
      tiny_run(out_ / "folder/a.safetensors",
               {"--epochs", "2000", "--save-every", "1", "--no-eval"}),
      {.while_running = remove_folder_when_saved, .context = &state, .timeout_seconds = 100});
  EXPECT_THAT(the_line(result), HasSubstr("a.s"));
}

TEST_F(MpiTest, AutorepRefusesSeveralProcesses) {
  Arguments launch = launch_of(2);
  launch.back() = std::string(HUSH_APPS_DIR) + "/autorep";
  const ProgramResult result = run_program(path_of_mpirun(), launch, {.timeout_seconds = 60});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.error, HasSubstr("autorep works in one process"));
}

}  // namespace
}  // namespace hush::test
