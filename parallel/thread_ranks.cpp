#include "parallel/thread_ranks.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace hush::parallel {
namespace {

// Where the ranks of a team meet and leave what the others need.
class Meeting {
 public:
  explicit Meeting(int size) : left(std::size_t(size)), size_(size) {}

  // Returns when all have come.
  void meet() {
    std::unique_lock lock(mutex_);
    check();
    const std::uint64_t round = round_;
    if (++here_ == size_) {
      here_ = 0;
      ++round_;
      all_here_.notify_all();
      return;
    }
    all_here_.wait(lock, [&] { return broken_ || round_ != round; });
    if (round_ == round) check();
  }
  void give_up() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    all_here_.notify_all();
  }

  std::vector<const std::byte*> left;  // by rank: what it has left, until the next meeting

 private:
  void check() const {
    if (broken_) throw RankError("another rank has given up", true);
  }

  const int size_;
  std::mutex mutex_;
  std::condition_variable all_here_;
  std::uint64_t round_ = 0;
  int here_ = 0;
  bool broken_ = false;
};

class ThreadRank final : public Communicator {
 public:
  ThreadRank(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return int(meeting_.left.size()); }

  void start_sum(const Tensor& values) override {
    require(values.dtype() == DType::float32, "sum over ranks: {} is not float32", values.text());
    sums_.push_back(values);
  }

  void finish_sums() override {
    for (const Tensor& values : std::exchange(sums_, {})) {
      const Tensor host = values.to(Device{});
      exchange(
          host.raw(),
          [&] {
            Tensor sum = Tensor::empty(host.shape(), DType::float32);
            std::vector<const float*> parts;
            for (const std::byte* part : meeting_.left)
              parts.push_back(reinterpret_cast<const float*>(part));
            add_in_rank_order(parts, std::size_t(host.elements()), sum.data<float>());
            return sum;
          },
          [&](const Tensor& sum) { values.assign(sum); });
    }
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    exchange(
        mine.data(),
        [&] {
          auto to = all.begin();
          for (const std::byte* one : meeting_.left) to = std::copy_n(one, mine.size(), to);
          return 0;
        },
        [](int) {});
  }

  void broadcast(std::span<std::byte> bytes) override {
    exchange(
        bytes.data(),
        [&] {
          if (rank_ != 0) std::copy_n(meeting_.left[0], bytes.size(), bytes.begin());
          return 0;
        },
        [](int) {});
  }

 private:
  // Leaves something for the others; when all have, `read` may look at it, and when all have done
  // that, `write` may change it.
  template <class Read, class Write>
  void exchange(const std::byte* mine, Read read, Write write) {
    meeting_.left[std::size_t(rank_)] = mine;
    meeting_.meet();
    const auto result = read();
    meeting_.meet();
    write(result);
  }

  Meeting& meeting_;
  const int rank_;
  std::vector<Tensor> sums_;  // started
};

bool is_silent(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const RankError& error) {
    return error.silent;
  } catch (...) {
    return false;
  }
}

}  // namespace

void run_thread_ranks(int size, const std::function<void(Communicator&)>& body) {
  require(size >= 1, "ranks: at least 1, not {}", size);
  Meeting meeting(size);
  std::vector<std::exception_ptr> failures(std::size_t{0});
  std::mutex mutex;
  const auto run = [&](int rank) {
    ThreadRank communicator(meeting, rank);
    try {
      body(communicator);
    } catch (...) {
      {
        const std::lock_guard lock(mutex);
        failures.push_back(std::current_exception());
      }
      meeting.give_up();
    }
  };
  std::vector<std::thread> threads;
  for (int rank = 1; rank < size; ++rank) threads.emplace_back(run, rank);
  run(0);
  for (std::thread& thread : threads) thread.join();
  const auto loud =
      std::ranges::find_if(failures, [](const auto& failure) { return !is_silent(failure); });
  if (loud != failures.end()) std::rethrow_exception(*loud);
  if (!failures.empty()) std::rethrow_exception(failures.front());
}

}  // namespace hush::parallel
