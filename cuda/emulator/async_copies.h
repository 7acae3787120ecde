// The copies into shared memory that one device thread has under way: cp.async with its groups.
//
// A device does such a copy at some time between its start and the end of the wait for it. The
// emulator does all of them at the earliest, all at the latest, or each at one of the two, which
// shows a stage that is filled while others still read it as well as a wait that is missing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace hush::cuda::emulator {

class AsyncCopies {
 public:
  // Copies `bytes` bytes, or clears them if `from` is null.
  void start(void* to, const void* from, std::size_t bytes, bool at_once) {
    const Copy copy{to, from, bytes, committed_};
    if (at_once)
      run(copy);
    else
      pending_.push_back(copy);
  }
  // What was started since the last time is a group.
  void commit() { ++committed_; }
  // All groups but the `newest` are done afterwards.
  void wait(unsigned newest) {
    const auto later = std::find_if(pending_.begin(), pending_.end(), [&](const Copy& copy) {
      return copy.group + newest >= committed_;
    });
    std::for_each(pending_.begin(), later, run);
    pending_.erase(pending_.begin(), later);
  }
  bool empty() const { return pending_.empty(); }

 private:
  struct Copy {
    void* to;
    const void* from;
    std::size_t bytes;
    unsigned group;
  };
  static void run(const Copy& copy) {
    if (copy.from != nullptr)
      std::memcpy(copy.to, copy.from, copy.bytes);
    else
      std::memset(copy.to, 0, copy.bytes);
  }

  std::vector<Copy> pending_;
  unsigned committed_ = 0;
};

}  // namespace hush::cuda::emulator
