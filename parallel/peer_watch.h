// Notices at once when a process of the same host ends, whatever the watching process is busy with.
#pragma once

#include <sys/types.h>

#include <functional>
#include <thread>
#include <vector>

namespace hush::parallel {

// A thread that sleeps until one of the processes ends (pidfd_open(2)). Processes that cannot be
// watched, as on an old kernel, are left out: the launcher notices them too, only later.
class PeerWatch {
 public:
  // `ended(i)` is called from the thread, once for each processes[i] that ends.
  PeerWatch(const std::vector<pid_t>& processes, std::function<void(std::size_t)> ended);
  ~PeerWatch();
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;

 private:
  void watch();

  std::function<void(std::size_t)> ended_;
  std::vector<int> files_;  // of the processes, then the one that stops the thread; -1: none
  std::thread thread_;
};

}  // namespace hush::parallel
