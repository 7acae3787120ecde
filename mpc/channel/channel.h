// Bytes between two parties, and nothing of cryptography.
//
// A message is any number of bytes under a 16-bit tag that names the step of the protocol. Both
// ends know every size beforehand, so a receive states the exact size and tag that it expects and
// anything else is a ProtocolViolation; no length that comes from the network is ever believed.
//
// Flush contract. `send` may keep a small message back to join it with the next ones. All that was
// sent leaves at the latest when this party calls `flush`, `receive` or `exchange`, or when about
// 64 KiB are waiting. A party whose last act is a `send` must therefore `flush`; the destructor
// does not, because it would have to block.
//
// No call deadlocks because of full buffers below: while a send cannot go on, what the peer sends
// meanwhile is read and kept (at most 256 MiB). Prefer `exchange` for large messages both ways: it
// moves both at once, straight into the destination.
//
// Every call throws a ChannelError (channel_error.h) within the time limit when the peer dies,
// stalls or misbehaves; the channel is unusable afterwards. One thread at a time may use it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "mpc/channel/channel_error.h"
#include "mpc/channel/traffic.h"

namespace hush::mpc {

// Names one step of one protocol. High byte: 0 channel, 1 ot, 2 offline, 3 online; low byte: free.
// Declare as `constexpr Tag kOpenMask{0x0301};`
enum class Tag : std::uint16_t {};

class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  // Sends `message` (any size, also empty). Its memory may be reused on return.
  virtual void send(std::span<const std::byte> message, Tag tag) = 0;

  // Flushes, then waits until exactly message.size() bytes sent under `tag` have arrived.
  virtual void receive(std::span<std::byte> message, Tag tag) = 0;

  // Sends `outgoing` and receives `incoming` at the same time: one round. The sizes may differ,
  // the memory must not overlap. The peer calls exchange too, or send and receive in any order.
  virtual void exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                        Tag tag) = 0;

  // Hands all that was sent to the operating system.
  virtual void flush() = 0;

  // A call fails with Timeout when no whole frame (1 MiB) moves either way for this long.
  virtual void set_timeout(std::chrono::milliseconds timeout) = 0;

  virtual Traffic traffic() const = 0;

  // The same three on arrays (vector, array, span) of ring elements or other plain values, in the
  // little-endian order of the machines we build for.
  template <class Array>
  void send_array(const Array& message, Tag tag) {
    send(bytes_of(std::span(message)), tag);
  }
  template <class Array>
  void receive_array(Array&& message, Tag tag) {
    receive(std::as_writable_bytes(std::span(message)), tag);
  }
  template <class Outgoing, class Incoming>
  void exchange_arrays(const Outgoing& outgoing, Incoming&& incoming, Tag tag) {
    exchange(bytes_of(std::span(outgoing)), std::as_writable_bytes(std::span(incoming)), tag);
  }

 private:
  template <class T, std::size_t kExtent>
  static std::span<const std::byte> bytes_of(std::span<T, kExtent> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(values);
  }
};

}  // namespace hush::mpc
