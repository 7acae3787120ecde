// A stream of bytes to one peer that never blocks, except in `wait`. Channels are built on it, and
// it is all that a new kind of connection has to provide: see memory_, tcp_, tls_ and
// emulated_transport.h.
//
// Non-blocking calls let one thread write and read at once (FramedChannel::pump), which is what
// keeps two parties that both send many megabytes from waiting for each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "mpc/channel/channel_error.h"

namespace hush::mpc {

using Clock = std::chrono::steady_clock;

// What a caller is waiting to be able to do.
struct Interest {
  bool read = false;
  bool write = false;
};

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // Takes as many bytes as it can of `first` and then `second`; returns how many, 0 if it would
  // block. After a 0 the next call must offer the same bytes again, and at least as many.
  // Throws PeerClosed.
  virtual std::size_t try_write(std::span<const std::byte> first,
                                std::span<const std::byte> second) = 0;

  // Moves on what try_write has taken but not yet passed to the operating system. True when none
  // is left.
  virtual bool try_flush() { return true; }

  // Fills the front of `out`; returns how many bytes, 0 if none are there yet. Throws PeerClosed
  // when the peer has closed and everything it sent has been read.
  virtual std::size_t try_read(std::span<std::byte> out) = 0;

  // Returns when a wanted call may succeed, at `deadline`, or sometimes for no reason at all.
  virtual void wait(Interest interest, Clock::time_point deadline) = 0;

  // Who is at the other end, for messages.
  virtual std::string peer() const = 0;
};

}  // namespace hush::mpc
