// Prepares a row of items on background threads, a bounded number ahead of their consumer.
//
// Threads take item numbers in order; the consumer gets items in order, whichever thread finished
// first. So what it sees does not depend on the number of threads, only how long it waits does.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"

namespace hush::data {

// One consumer calls `next` until it returns nothing. Destroying a Prefetcher early is fine: it
// waits for the items being made and drops them.
template <class Item>
class Prefetcher {
 public:
  // Items `first` … `end` - 1 are made by make(number), concurrently on `threads` threads, at most
  // `ahead` of them beyond what the consumer took. With no thread `next` makes each item itself.
  Prefetcher(std::int64_t first, std::int64_t end, int threads, int ahead,
             std::function<Item(std::int64_t)> make)
      : make_(std::move(make)), end_(end), ahead_(ahead), taken_(first), consumed_(first) {
    require(threads >= 0 && ahead >= 1, "prefetcher: {} threads, {} items ahead", threads, ahead);
    try {
      while (std::ssize(threads_) < threads) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();  // a std::thread must not be destroyed while it runs
      throw;
    }
  }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher() { stop(); }

  // The next item, or nothing after the last. An exception that make(number) threw is rethrown
  // when it is that item's turn, and on every call after that.
  std::optional<Item> next() {
    if (consumed_ == end_) return std::nullopt;
    if (threads_.empty()) {
      Item item = make_(consumed_);
      ++consumed_;
      return item;
    }
    std::unique_lock lock(mutex_);
    item_ready_.wait(lock, [&] { return ready_.contains(consumed_); });
    if (const auto& failure = ready_.at(consumed_).exception) std::rethrow_exception(failure);
    auto taken = ready_.extract(consumed_++);
    lock.unlock();
    room_.notify_one();
    return std::move(taken.mapped().item);
  }

 private:
  struct Result {
    std::optional<Item> item;
    std::exception_ptr exception;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [&] { return stopping_ || taken_ == end_ || taken_ < consumed_ + ahead_; });
      if (stopping_ || taken_ == end_) return;
      const std::int64_t number = taken_++;
      lock.unlock();
      Result result;
      try {
        result.item = make_(number);
      } catch (...) {
        result.exception = std::current_exception();
      }
      lock.lock();
      // The consumer cannot go past a failure, so there is no use in making more.
      if (result.exception) stopping_ = true;
      ready_.emplace(number, std::move(result));
      item_ready_.notify_one();
    }
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    room_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  const std::function<Item(std::int64_t)> make_;
  const std::int64_t end_;
  const int ahead_;

  std::mutex mutex_;  // guards all below but threads_
  std::condition_variable item_ready_;
  std::condition_variable room_;
  // Invariants: consumed_ <= taken_ <= consumed_ + ahead_ <= end_ + ahead_; items below taken_
  // and not below consumed_ are either in ready_ or being made.
  std::int64_t taken_;
  std::int64_t consumed_;  // written by the consumer alone
  bool stopping_ = false;
  std::map<std::int64_t, Result> ready_;

  std::vector<std::thread> threads_;
};

}  // namespace hush::data
