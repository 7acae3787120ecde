// A channel that also hashes everything its party says. With deterministic randomness the digest
// of a protocol run is a baseline: a change that alters, reorders, splits or joins a single
// message alters it, so a refactoring that should not touch the wire can prove that it did not.
#pragma once

#include "mpc/channel/channel.h"
#include "mpc/channel/sha256.h"

namespace hush::mpc {

class DigestChannel final : public Channel {
 public:
  // `below` must outlive this.
  explicit DigestChannel(Channel& below) : below_(below) {}

  void send(std::span<const std::byte> message, Tag tag) override;
  void receive(std::span<std::byte> message, Tag tag) override { below_.receive(message, tag); }
  void exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                Tag tag) override;
  void flush() override { below_.flush(); }
  void set_timeout(std::chrono::milliseconds timeout) override { below_.set_timeout(timeout); }
  Traffic traffic() const override { return below_.traffic(); }

  // SHA-256 over, for each message sent so far: tag (2 bytes), size (8 bytes), payload.
  Digest digest() const { return hash_.digest(); }

 private:
  void absorb(std::span<const std::byte> message, Tag tag);

  Channel& below_;
  Sha256 hash_;
};

}  // namespace hush::mpc
