#include "tests/apps/run_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <thread>

namespace hush::test {
namespace {

// In the child: the streams go to files, the limits are set, the program takes over.
[[noreturn]] void become_program(const std::string& path, const std::vector<std::string>& arguments,
                                 const RunOptions& options, const std::string& output,
                                 const std::string& error) {
  const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err = ::open(error.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int in = ::open("/dev/null", O_RDONLY);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  if (options.file_size_limit > 0) {
    const rlimit limit{options.file_size_limit, options.file_size_limit};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);  // writing fails with EFBIG instead
  }
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace

std::string ProgramResult::last_error_line() const {
  std::string text = error;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

ProgramResult run_program(const std::string& program, const std::vector<std::string>& arguments,
                          const RunOptions& options) {
  const TemporaryFolder folder;
  const std::string output = folder / "out", error = folder / "err";
  const std::string path =
      program.starts_with('/') ? program : std::string(HUSH_APPS_DIR) + "/" + program;
  const pid_t process = ::fork();
  if (process == 0) become_program(path, arguments, options, output, error);
  if (options.while_running != nullptr) options.while_running(process, options.context);
  int status = 0;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(options.timeout_seconds);
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << program << " did not end within " << options.timeout_seconds << " s";
      ::kill(process, SIGKILL);
      ::waitpid(process, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ProgramResult result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = read_file(output);
  result.error = read_file(error);
  return result;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "hush-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
  std::filesystem::remove_all(path_, ignored);
}

void write_tiny_cifar10(const std::filesystem::path& folder, int per_batch) {
  const std::filesystem::path target = folder / "cifar-10-batches-bin";
  std::filesystem::create_directories(target);
  std::uint32_t noise = 1;
  for (int batch = 0; batch < 6; ++batch) {
    const std::string name =
        batch == 5 ? "test_batch.bin" : fmt::format("data_batch_{}.bin", batch + 1);
    std::ofstream file(target / name, std::ios::binary);
    for (int i = 0; i < per_batch; ++i) {
      const int label = (i * 7 + batch) % 10;
      std::string record(1 + 3072, '\0');
      record[0] = char(label);
      for (int p = 0; p < 3072; ++p) {
        noise = noise * 1664525u + 1013904223u;
        const int row = p % 1024 / 32, column = p % 32;
        const bool bright = row / 16 == label / 5 && column / 6 == label % 5;
        record[std::size_t(1 + p)] = char((noise >> 26) + (bright ? 150 : 40));
      }
      file << record;
    }
  }
  std::ofstream names(target / "batches.meta.txt");
  for (int c = 0; c < 10; ++c) names << "class" << c << "\n";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace hush::test
