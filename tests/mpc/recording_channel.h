// A channel that keeps what its party says, to look at it afterwards.
#pragma once

#include <algorithm>
#include <vector>

#include "core/dtype.h"
#include "mpc/channel/channel.h"

namespace hush::mpc::test {

class RecordingChannel final : public Channel {
 public:
  explicit RecordingChannel(Channel& below) : below_(below) {}

  void send(std::span<const std::byte> message, Tag tag) override {
    record(message);
    below_.send(message, tag);
  }
  void receive(std::span<std::byte> message, Tag tag) override { below_.receive(message, tag); }
  void exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                Tag tag) override {
    record(outgoing);
    below_.exchange(outgoing, incoming, tag);
  }
  void flush() override { below_.flush(); }
  void set_timeout(std::chrono::milliseconds timeout) override { below_.set_timeout(timeout); }
  Traffic traffic() const override { return below_.traffic(); }

  const std::vector<std::byte>& sent() const { return sent_; }
  // The same as whole words.
  std::vector<Ring> words() const {
    std::vector<Ring> words(sent_.size() / sizeof(Ring));
    std::copy_n(sent_.begin(), words.size() * sizeof(Ring),
                std::as_writable_bytes(std::span(words)).begin());
    return words;
  }
  void forget() { sent_.clear(); }

 private:
  void record(std::span<const std::byte> message) {
    sent_.insert(sent_.end(), message.begin(), message.end());
  }

  Channel& below_;
  std::vector<std::byte> sent_;
};

}  // namespace hush::mpc::test
