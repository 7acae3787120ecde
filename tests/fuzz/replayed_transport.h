// What a peer sent, in memory: a transport for fuzz targets. Hands out the bytes in pieces of
// changing size, then says that the peer has closed; swallows whatever is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mpc/channel/transport.h"

namespace hush::mpc {

class ReplayedTransport final : public Transport {
 public:
  explicit ReplayedTransport(std::vector<std::byte> wire) : wire_(std::move(wire)) {}

  std::size_t try_write(std::span<const std::byte> first,
                        std::span<const std::byte> second) override {
    return first.size() + second.size();
  }

  std::size_t try_read(std::span<std::byte> out) override {
    if (position_ == wire_.size()) throw PeerClosed("the input ends");
    piece_ = piece_ * 5 % 127 + 1;
    const std::size_t count = std::min({out.size(), wire_.size() - position_, piece_});
    std::copy_n(&wire_[position_], count, out.data());
    position_ += count;
    return count;
  }

  void wait(Interest /*interest*/, Clock::time_point /*deadline*/) override {}
  std::string peer() const override { return "input"; }

 private:
  std::vector<std::byte> wire_;
  std::size_t position_ = 0;
  std::size_t piece_ = 1;
};

// Takes a fuzz input apart.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span(data, size))) {}

  bool empty() const { return rest_.empty(); }

  // The next one to eight bytes as a number; 0 at the end.
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const std::byte b : bytes(size)) value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
  }

  std::span<const std::byte> bytes(std::size_t size) {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace hush::mpc
