#include "core/thread_pool.h"

#include <hwy/cache_control.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"

namespace hush {
namespace {

thread_local bool inside_loop = false;

// Loops follow each other within microseconds, waking a sleeping thread takes tens of them: who
// waits looks again so often before going to sleep (some 20 µs), which is too short to disturb
// others where threads outnumber processors.
constexpr int kLooksBeforeSleep = 500;

template <class Condition>
void look_for(Condition&& condition) {
  for (int i = 0; i < kLooksBeforeSleep && !condition(); ++i) hwy::Pause();
}

// One parallel loop: chunks are handed out by counting up.
struct Loop {
  Loop(std::size_t count, ChunkFunction function) : chunks(count), f(function) {}

  const std::size_t chunks;
  const ChunkFunction f;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;

  void run() {
    inside_loop = true;
    for (std::size_t chunk; (chunk = next.fetch_add(1)) < chunks;) {
      try {
        f(chunk);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = chunks;
      }
    }
    inside_loop = false;
  }
};

class ThreadPool {
 public:
  explicit ThreadPool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }
  ~ThreadPool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return int(workers_.size()) + 1; }

  void run(Loop& loop) {
    {
      const std::lock_guard lock(mutex_);
      loop_ = &loop;
      ++generation_;
      entered_ = 0;
    }
    wake_.notify_all();
    loop.run();
    look_for([&] { return entered_ == 0; });
    // Workers that have not come yet find no loop; those inside are waited for.
    std::unique_lock lock(mutex_);
    loop_ = nullptr;
    done_.wait(lock, [&] { return entered_ == 0; });
  }

 private:
  void work() {
    std::uint64_t seen = 0;
    for (;;) {
      look_for([&] { return stopping_ || generation_ != seen; });
      std::unique_lock lock(mutex_);
      if (loop_ == nullptr && generation_ != seen) {  // came too late: look for the next
        seen = generation_;
        continue;
      }
      wake_.wait(lock, [&] { return stopping_ || (loop_ != nullptr && generation_ != seen); });
      if (stopping_) return;
      seen = generation_;
      Loop& loop = *loop_;
      ++entered_;
      lock.unlock();
      loop.run();
      lock.lock();
      if (--entered_ == 0) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Loop* loop_ = nullptr;
  // Written under the mutex; atomic because they are also looked at without.
  std::atomic<std::uint64_t> generation_ = 0;
  std::atomic<int> entered_ = 0;  // workers inside loop_
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> workers_;
};

int available_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

// The pool is made at first use, so that a program that forks before it has no threads yet.
struct PoolOwner {
  std::mutex mutex;       // guards the pool's creation and replacement
  std::mutex loop_mutex;  // held while a loop runs: one loop at a time
  std::unique_ptr<ThreadPool> pool;
  int wanted = available_processors();
};

PoolOwner& owner() {
  static auto* instance = new PoolOwner;
  return *instance;
}

}  // namespace

int thread_count() {
  const std::lock_guard lock(owner().mutex);
  return owner().wanted;
}

void set_thread_count(int count) {
  require(count >= 1, "threads: at least 1, not {}", count);
  const std::lock_guard lock(owner().mutex);
  owner().wanted = count;
  owner().pool.reset();
}

void parallel_chunks(std::size_t chunks, ChunkFunction f) {
  if (chunks == 0) return;
  Loop loop(chunks, f);
  // Inside a loop, for a single chunk, or while another thread's loop has the workers, the
  // caller does the work itself: the result is the same.
  const bool nested = inside_loop;
  PoolOwner& state = owner();
  std::unique_lock turn(state.loop_mutex, std::defer_lock);
  if (nested || chunks == 1 || !turn.try_lock()) {
    loop.run();
    inside_loop = nested;
  } else {
    ThreadPool* pool = nullptr;
    {
      const std::lock_guard lock(state.mutex);
      if (!state.pool) state.pool = std::make_unique<ThreadPool>(state.wanted);
      pool = state.pool.get();
    }
    pool->run(loop);
  }
  if (loop.failure) std::rethrow_exception(loop.failure);
}

}  // namespace hush
