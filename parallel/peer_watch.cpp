#include "parallel/peer_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"

namespace hush::parallel {

PeerWatch::PeerWatch(const std::vector<pid_t>& processes, std::function<void(std::size_t)> ended)
    : ended_(std::move(ended)) {
  for (const pid_t process : processes)
    files_.push_back(int(::syscall(SYS_pidfd_open, process, 0u)));
  files_.push_back(::eventfd(0, EFD_CLOEXEC));
  if (files_.back() < 0) throw Error("cannot watch the other ranks: no more files may be opened");
  thread_ = std::thread([this] { watch(); });
}

PeerWatch::~PeerWatch() {
  const std::uint64_t one = 1;
  (void)!::write(files_.back(), &one, sizeof one);
  thread_.join();
  for (const int file : files_)
    if (file >= 0) ::close(file);
}

void PeerWatch::watch() {
  std::vector<pollfd> polled;
  for (const int file : files_) polled.push_back({.fd = file, .events = POLLIN, .revents = 0});
  for (;;) {
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;  // a signal
    if (polled.back().revents != 0) return;
    for (std::size_t i = 0; i + 1 < polled.size(); ++i)
      if (polled[i].revents != 0) {
        polled[i].fd = -1;  // poll passes over it from now on
        polled[i].revents = 0;
        ended_(i);
      }
  }
}

}  // namespace hush::parallel
