// Progress of long work: one line that is redrawn on a terminal, a plain line now and then
// elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace hush::apps {

// "1:02:03", "4:05" or "12 s".
std::string duration_text(double seconds);

// Counts units of work towards a total; shows rate and time left on the standard error stream,
// unless this thread is quiet.
class Progress {
 public:
  // `what` opens the line: "epoch 3/10". `unit` is what is counted: "images".
  Progress(std::string what, std::string unit, double total);
  ~Progress();  // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` units are done; `note` is shown behind the rate: "loss 1.234".
  void update(double done, const std::string& note = {});
  // Removes the line from the terminal, so that a result can be printed in its place.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_, unit_;
  double total_, first_ = -1;
  Clock::time_point start_ = Clock::now(), shown_{};
  bool terminal_, drawn_ = false;
};

}  // namespace hush::apps
