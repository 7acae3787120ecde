// The sending half of a FramedChannel: cuts messages into frames and offers them to the transport.
//
// Small messages are copied, header and all, into one buffer, so that many of them leave in one
// system call. Large ones are borrowed: the buffer then ends with the header of the current frame,
// and the payload goes to the transport from the caller's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mpc/channel/frame.h"
#include "mpc/channel/transport.h"

namespace hush::mpc {

class FrameWriter {
 public:
  // Messages up to this many bytes are copied; a copy costs less than a system call.
  static constexpr std::size_t kMaxCopied = 16 << 10;
  // With this many bytes waiting, the channel sends them.
  static constexpr std::size_t kFullBuffer = 64 << 10;

  // Queues a message. Its memory must stay as it is until `borrows()` is false.
  // Precondition: !borrows().
  void enqueue(std::span<const std::byte> message, Tag tag, std::uint64_t round);

  bool borrows() const { return !chunk_.empty() || !rest_.empty(); }
  bool full() const { return buffer_.size() >= kFullBuffer; }
  bool idle() const { return buffer_.empty() && !borrows() && flushed_; }

  // Frames handed to the transport: tells progress.
  std::uint64_t frames_written() const { return frames_written_; }

  // Offers what is queued. True if anything moved.
  bool write_some(Transport& transport);

 private:
  void begin_frame();
  void append_header(std::size_t length, bool last);

  std::vector<std::byte> buffer_;     // copied frames, then the header of the borrowed one
  std::size_t written_ = 0;           // of buffer_
  std::span<const std::byte> chunk_;  // what is unwritten of the current frame's borrowed payload
  std::span<const std::byte> rest_;   // of the borrowed message: not yet in a frame
  bool flushed_ = true;               // the transport keeps nothing back
  Tag tag_{};
  std::uint64_t round_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t frames_written_ = 0;
};

}  // namespace hush::mpc
