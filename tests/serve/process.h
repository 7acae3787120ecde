// A program of apps/ that runs in the background, as services do.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace hush::apps::test {

class Process {
 public:
  // Both streams go to the file `log`, behind what is there.
  Process(const std::string& program, const std::vector<std::string>& arguments, std::string log);
  // Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send_signal(int signal) const;
  // Its exit status, or 128 + the signal that ended it; -1 if it still runs after `limit`.
  int wait(std::chrono::seconds limit);

  // Until `text` stands in its log; false after `limit`.
  bool says(const std::string& text, std::chrono::seconds limit) const;
  std::string log() const;

 private:
  std::string log_;
  pid_t process_ = -1;
  int status_ = -1;
};

}  // namespace hush::apps::test
