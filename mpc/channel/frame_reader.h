// The receiving half of a FramedChannel: takes frames from the transport, compares each header
// with the one that is due, and fills the receiver's memory.
//
// Small frames come through a read-ahead buffer, many in one system call. The payload of a large
// frame goes from the transport straight into the destination.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mpc/channel/frame.h"
#include "mpc/channel/transport.h"

namespace hush::mpc {

class FrameReader {
 public:
  // The size of the read-ahead buffer, and what it may grow to while a send cannot go on.
  static constexpr std::size_t kReadAhead = 64 << 10;
  static constexpr std::size_t kMaxReadAhead = 256 << 20;
  // From this much missing payload on, reads bypass the buffer.
  static constexpr std::size_t kDirect = 16 << 10;

  // Begins to receive a message of exactly this size and tag. `max_round` is the highest round
  // stamp that an honest peer can have reached. What was read ahead is used at once.
  // Precondition: idle().
  void expect(std::span<std::byte> message, Tag tag, std::uint64_t max_round);

  bool idle() const { return !receiving_; }       // the message expected last is complete
  std::uint64_t round() const { return round_; }  // stamp of the message received last

  // Frames checked and begun: tells progress.
  std::uint64_t frames_read() const { return sequence_; }

  // Reads towards the expected message. True if anything moved.
  bool read_some(Transport& transport);

  // Reads what nobody has asked for yet, to let a peer that is itself sending go on. False if
  // nothing moved or too much is kept already.
  bool read_ahead(Transport& transport);
  bool may_read_ahead() const { return ahead_end_ - ahead_begin_ < kMaxReadAhead; }

 private:
  bool fill_buffer(Transport& transport);
  void take_from_buffer();
  void begin_frame();
  void consume_payload(std::size_t count);

  std::vector<std::byte> ahead_;  // bytes ahead_begin_ to ahead_end_ have been read but not used
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
  std::span<std::byte> message_;   // what is missing of the message
  std::size_t frame_missing_ = 0;  // what is missing of the current frame's payload
  bool receiving_ = false;
  bool in_frame_ = false;
  Tag tag_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t min_round_ = 0;
  std::uint64_t max_round_ = 0;
};

}  // namespace hush::mpc
