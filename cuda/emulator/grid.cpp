#include "cuda/emulator/grid.h"

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "cuda/emulator/async_copies.h"
#include "cuda/emulator/fiber.h"
#include "cuda/emulator/memory_guard.h"
#include "cuda/emulator/shared_arena.h"

namespace hush::cuda::emulator {
namespace {

constexpr unsigned kMaxThreads = 1024;  // of one block
constexpr unsigned kMaxGridY = 65535;   // and z; x may be 2^31 - 1
constexpr unsigned kWarp = 32;

enum class State { ready, at_warp, at_block, done };

struct Thread {
  State state = State::ready;
  Site site;
  uint3 index;
  AsyncCopies copies;
  std::unique_ptr<Fiber> fiber;  // while the thread is started and not done
};

struct Warp {
  // Of this collective and the last.
  std::array<std::uint64_t, kWarp * kGatheredWords> words[2] = {};
  unsigned generation = 0, arrived = 0;
};

class Scheduler {
 public:
  void run_grid(dim3 grid, dim3 block, const std::function<void()>& body);
  void suspend(State state, Site site);
  const std::uint64_t* gather(unsigned mask, const std::uint64_t* own, unsigned count, Site site);
  AsyncCopies& copies() { return threads_[current_].copies; }
  bool copies_at_once();
  std::string here(Site site) const;

  Order order = Order::ascending;
  SharedArena shared;

 private:
  static void thread_main(void* self);
  void reset(unsigned thread_count);
  void run_block();
  bool run_warp(unsigned first, unsigned last);
  void resume(unsigned thread);
  void release_block();
  // Puts 0 … count - 1 into the order in which they are to be resumed.
  void arrange(unsigned* indices, unsigned count);

  const std::function<void()>* body_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> idle_;
  unsigned current_ = 0;
  std::exception_ptr failure_;
  std::minstd_rand random_{1};
};

thread_local Scheduler scheduler;

std::string describe(unsigned thread, const Site& site) {
  return fmt::format("thread {} at {}:{}", thread, site.file, site.line);
}

[[noreturn]] void fail(const std::string& what) {
  throw DeviceError(fmt::format("emulated kernel: {} (block {},{},{})", what, blockIdx.x,
                                blockIdx.y, blockIdx.z));
}

void Scheduler::thread_main(void* self) {
  auto& s = *static_cast<Scheduler*>(self);
  try {
    (*s.body_)();
  } catch (...) {
    s.failure_ = std::current_exception();
  }
  Thread& thread = s.threads_[s.current_];
  if (!s.failure_ && !thread.copies.empty())
    s.failure_ = std::make_exception_ptr(DeviceError(fmt::format(
        "emulated kernel: thread {} returned without waiting for its copies", s.current_)));
  thread.state = State::done;
}

// Ascending: as early as a device may copy; descending: as late.
bool Scheduler::copies_at_once() {
  return order == Order::ascending || (order == Order::shuffled && random_() % 2 == 0);
}

std::string Scheduler::here(Site site) const {
  return describe(current_, site);
}

void Scheduler::resume(unsigned i) {
  Thread& thread = threads_[i];
  if (!thread.fiber) {
    if (idle_.empty()) idle_.push_back(std::make_unique<Fiber>(&Scheduler::thread_main, this));
    thread.fiber = std::move(idle_.back());
    idle_.pop_back();
  }
  current_ = i;
  threadIdx = thread.index;
  thread.fiber->enter();
  if (thread.state == State::done) idle_.push_back(std::move(thread.fiber));
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Scheduler::suspend(State state, Site site) {
  Thread& thread = threads_[current_];
  thread.state = state;
  thread.site = site;
  thread.fiber->leave();
}

void Scheduler::reset(unsigned count) {
  threads_.clear();  // drops the fibers that a failed block left suspended
  threads_.resize(count);
  warps_.assign((count + kWarp - 1) / kWarp, {});
  shared.reset();
  unsigned i = 0;
  for (unsigned z = 0; z < blockDim.z; ++z)
    for (unsigned y = 0; y < blockDim.y; ++y)
      for (unsigned x = 0; x < blockDim.x; ++x) threads_[i++].index = {x, y, z};
}

void Scheduler::arrange(unsigned* indices, unsigned count) {
  std::iota(indices, indices + count, 0u);
  if (order == Order::descending) std::reverse(indices, indices + count);
  if (order == Order::shuffled) std::shuffle(indices, indices + count, random_);
}

// Resumes the lanes of a warp until none can go on; tells whether one could.
bool Scheduler::run_warp(unsigned first, unsigned last) {
  std::array<unsigned, kWarp> lanes{};
  bool progressed = false;
  for (bool again = true; again;) {
    again = false;
    arrange(lanes.data(), last - first);
    for (unsigned i = 0; i < last - first; ++i)
      if (threads_[first + lanes[i]].state == State::ready) {
        resume(first + lanes[i]);
        again = progressed = true;
      }
  }
  return progressed;
}

// No thread can go on: opens the barrier that all wait at, if they do.
void Scheduler::release_block() {
  const auto waiting = std::find_if(threads_.begin(), threads_.end(), [](const Thread& thread) {
    return thread.state != State::done;
  });
  if (waiting == threads_.end()) return;
  const auto number = [&](auto thread) { return unsigned(thread - threads_.begin()); };
  for (auto thread = threads_.begin(); thread != threads_.end(); ++thread) {
    if (thread->state == State::at_warp)
      fail("a warp collective waits for lanes that never come, " +
           describe(number(thread), thread->site));
    if (thread->state == State::done)
      fail(fmt::format("thread {} returned although a barrier waits for it, {}", number(thread),
                       describe(number(waiting), waiting->site)));
    if (thread->site != waiting->site)
      fail("divergent barriers, " + describe(number(waiting), waiting->site) + " and " +
           describe(number(thread), thread->site));
  }
  for (Thread& thread : threads_) thread.state = State::ready;
}

void Scheduler::run_block() {
  const unsigned count = unsigned(threads_.size());
  std::array<unsigned, kMaxThreads / kWarp> order_of_warps{};
  for (bool progressed = true; progressed;) {
    progressed = false;
    arrange(order_of_warps.data(), unsigned(warps_.size()));
    for (unsigned w = 0; w < warps_.size(); ++w) {
      const unsigned first = order_of_warps[w] * kWarp;
      progressed |= run_warp(first, std::min(count, first + kWarp));
    }
    release_block();
  }
}

void Scheduler::run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  const std::uint64_t count = std::uint64_t{block.x} * block.y * block.z;
  if (count == 0 || count > kMaxThreads || block.z > 64)
    throw DeviceError(
        fmt::format("emulated kernel: invalid block {} x {} x {}", block.x, block.y, block.z));
  if (grid.x > 0x7fffffffu || grid.y > kMaxGridY || grid.z > kMaxGridY)
    throw DeviceError(
        fmt::format("emulated kernel: invalid grid {} x {} x {}", grid.x, grid.y, grid.z));
  body_ = &body;
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        reset(unsigned(count));
        run_block();
      }
}

const std::uint64_t* Scheduler::gather(unsigned mask, const std::uint64_t* own, unsigned count,
                                       Site site) {
  const unsigned self = current_, first = self / kWarp * kWarp;
  const unsigned lanes = std::min(kWarp, unsigned(threads_.size()) - first);
  const unsigned members = lanes == kWarp ? ~0u : (1u << lanes) - 1;
  if ((mask & members) != members) fail("partial warp mask, " + describe(self, site));
  Warp& warp = warps_[first / kWarp];
  auto& words = warp.words[warp.generation % 2];
  std::copy(own, own + count, words.begin() + (self - first) * count);
  warp.arrived |= 1u << (self - first);
  if (warp.arrived != members) {
    suspend(State::at_warp, site);
    return words.data();
  }
  warp.arrived = 0;
  ++warp.generation;
  for (unsigned i = first; i < first + lanes; ++i) {
    if (i == self) continue;
    if (threads_[i].site != site)
      fail("divergent warp collectives, " + describe(self, site) + " and " +
           describe(i, threads_[i].site));
    threads_[i].state = State::ready;
  }
  return words.data();
}

}  // namespace

void set_order(Order order) {
  scheduler.order = order;
}

void run(dim3 grid, dim3 block, const std::function<void()>& thread_body) {
  scheduler.run_grid(grid, block, thread_body);
  check_guards();
}

namespace {
thread_local bool recording = false;
thread_local std::vector<std::function<void()>> recorded;
}  // namespace

void submit(std::function<void()> operation) {
  if (recording)
    recorded.push_back(std::move(operation));
  else
    operation();
}

void begin_recording() {
  recording = true;
  recorded.clear();
}

std::vector<std::function<void()>> end_recording() {
  recording = false;
  return std::exchange(recorded, {});
}

bool is_recording() {
  return recording;
}

void block_barrier(Site site) {
  scheduler.suspend(State::at_block, site);
}

const std::uint64_t* warp_gather(unsigned mask, const std::uint64_t* words, unsigned count,
                                 Site site) {
  return scheduler.gather(mask, words, count, site);
}

void start_copy(void* to, const void* from, std::size_t bytes, Site site) {
  require_alignment(to, bytes, site);
  require_alignment(from, bytes, site);
  scheduler.copies().start(to, from, bytes, scheduler.copies_at_once());
}

void commit_copies() {
  scheduler.copies().commit();
}

void wait_for_copies(unsigned newest) {
  scheduler.copies().wait(newest);
}

void require_whole_warps(const char* what) {
  if (blockDim.x * blockDim.y * blockDim.z % kWarp != 0)
    fail(fmt::format("{} in a block that does not fill its warps", what));
}

void require_alignment(const void* address, std::size_t bytes, Site site) {
  if (reinterpret_cast<std::uintptr_t>(address) % bytes != 0)
    fail(
        fmt::format("an address that is not aligned to {} bytes, {}", bytes, scheduler.here(site)));
}

void* block_storage(const void* key, std::size_t bytes) {
  void* storage = scheduler.shared.storage(key, bytes);
  if (storage == nullptr) fail("more than 48 KiB of shared memory");
  return storage;
}

}  // namespace hush::cuda::emulator
