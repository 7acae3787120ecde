// Runs one of the project's programs as a user would, and tells what came of it.
#pragma once

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

namespace hush::test {

struct ProgramResult {
  int status = -1;     // exit status, or 128 + the signal that ended it
  std::string output;  // standard output
  std::string error;   // standard error

  // The error stream without progress lines: what run_main printed.
  std::string last_error_line() const;
};

struct RunOptions {
  // Called for a started program; it may send signals to `process`.
  void (*while_running)(pid_t process, void* context) = nullptr;
  void* context = nullptr;
  // No file may grow past this many bytes: writing then fails as on a full disk. 0: no limit.
  std::size_t file_size_limit = 0;
  double timeout_seconds = 300;  // then it is killed, and the test fails
};

// `program` is a name in apps/, "pretrain", or the path of another program.
ProgramResult run_program(const std::string& program, const std::vector<std::string>& arguments,
                          const RunOptions& options = {});

// A new empty folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Writes a small learnable dataset in CIFAR-10's layout below `folder`: five batches of
// `per_batch` images each and as many test images; class c is a bright block at position c.
void write_tiny_cifar10(const std::filesystem::path& folder, int per_batch);

std::string read_file(const std::filesystem::path& path);

}  // namespace hush::test
