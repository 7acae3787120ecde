#include "mpc/channel/memory_transport.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>

namespace hush::mpc {
namespace {

// One direction. Positions count all bytes ever; head ≤ tail ≤ head + kMemoryRing.
class Ring {
 public:
  std::size_t push(std::span<const std::byte> bytes) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t room = kMemoryRing - (tail - head_.load());
    const std::size_t count = std::min(room, bytes.size());
    const std::size_t offset = tail % kMemoryRing;
    const std::size_t to_edge = std::min(count, kMemoryRing - offset);
    std::copy_n(bytes.data(), to_edge, data_.get() + offset);
    std::copy_n(bytes.data() + to_edge, count - to_edge, data_.get());
    tail_.store(tail + count);
    return count;
  }

  std::size_t pop(std::span<std::byte> out) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t count = std::min(tail_.load() - head, out.size());
    const std::size_t offset = head % kMemoryRing;
    const std::size_t to_edge = std::min(count, kMemoryRing - offset);
    std::copy_n(data_.get() + offset, to_edge, out.data());
    std::copy_n(data_.get(), count - to_edge, out.data() + to_edge);
    head_.store(head + count);
    return count;
  }

  bool empty() const { return tail_.load() == head_.load(); }
  bool full() const { return tail_.load() - head_.load() == kMemoryRing; }

 private:
  // The orders are sequentially consistent because they pair with Link::sleepers_: a sleeper
  // announces itself and then looks at the ring, a writer moves the ring and then looks for
  // sleepers, and at least one of the two must see the other.
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::unique_ptr<std::byte[]> data_ = std::make_unique_for_overwrite<std::byte[]>(kMemoryRing);
};

// What both ends share.
class Link {
 public:
  std::array<Ring, 2> to;  // to[i] is read by end i
  std::array<std::atomic<bool>, 2> closed{};

  void wake() {
    if (sleepers_.load() == 0) return;
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }

  template <class Ready>
  void sleep(Ready ready, Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    ++sleepers_;
    changed_.wait_until(lock, deadline, ready);
    --sleepers_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> sleepers_{0};
};

class MemoryTransport final : public Transport {
 public:
  MemoryTransport(std::shared_ptr<Link> link, int end)
      : link_(std::move(link)),
        end_(end),
        in_(link_->to[end]),
        out_(link_->to[1 - end]),
        peer_closed_(link_->closed[1 - end]) {}

  ~MemoryTransport() override {
    link_->closed[end_] = true;
    link_->wake();
  }

  std::size_t try_write(std::span<const std::byte> first,
                        std::span<const std::byte> second) override {
    if (peer_closed_) throw PeerClosed("the peer has closed its end");
    std::size_t count = out_.push(first);
    if (count == first.size()) count += out_.push(second);
    if (count > 0) link_->wake();
    return count;
  }

  std::size_t try_read(std::span<std::byte> out) override {
    const bool closed = peer_closed_;  // before looking at the ring, lest the last bytes be lost
    const std::size_t count = in_.pop(out);
    if (count == 0 && closed && !out.empty()) throw PeerClosed("the peer has closed its end");
    if (count > 0) link_->wake();
    return count;
  }

  void wait(Interest interest, Clock::time_point deadline) override {
    link_->sleep(
        [&] {
          return peer_closed_ || (interest.read && !in_.empty()) ||
                 (interest.write && !out_.full());
        },
        deadline);
  }

  std::string peer() const override { return end_ == 0 ? "second end" : "first end"; }

 private:
  std::shared_ptr<Link> link_;
  int end_;
  Ring& in_;
  Ring& out_;
  std::atomic<bool>& peer_closed_;
};

}  // namespace

std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> make_memory_transports() {
  const auto link = std::make_shared<Link>();
  return {std::make_unique<MemoryTransport>(link, 0), std::make_unique<MemoryTransport>(link, 1)};
}

}  // namespace hush::mpc
