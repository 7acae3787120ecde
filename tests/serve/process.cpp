#include "tests/serve/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/apps/run_program.h"

namespace hush::apps::test {
namespace {

constexpr std::chrono::milliseconds kPoll{10};

}  // namespace

Process::Process(const std::string& program, const std::vector<std::string>& arguments,
                 std::string log)
    : log_(std::move(log)) {
  const std::string path = std::string(HUSH_APPS_DIR) + "/" + program;
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  process_ = ::fork();
  if (process_ != 0) return;
  const int out = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

Process::~Process() {
  if (status_ >= 0 || process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void Process::send_signal(int signal) const {
  if (status_ < 0) ::kill(process_, signal);
}

int Process::wait(std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (status_ < 0) {
    int status = 0;
    if (::waitpid(process_, &status, WNOHANG) == process_)
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    else if (std::chrono::steady_clock::now() > deadline)
      return -1;
    else
      std::this_thread::sleep_for(kPoll);
  }
  return status_;
}

bool Process::says(const std::string& text, std::chrono::seconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (log().find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

std::string Process::log() const {
  return hush::test::read_file(log_);
}

}  // namespace hush::apps::test
