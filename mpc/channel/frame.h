// The frame: how a message lies on the wire (docs/wire_format.md gives it byte by byte).
//
// A message is cut into frames of at most 1 MiB, all full but the last. Because a receiver knows
// the size and tag of the message it waits for, it knows every field of the next header in advance
// except the round stamp, and for that it knows a range. So parsing is comparing, and nothing that
// a peer writes decides how much memory is taken or how far is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/channel/channel.h"

namespace hush::mpc {

inline constexpr std::size_t kFrameHeaderSize = 32;          // bytes
inline constexpr std::size_t kMaxFramePayload = 1ULL << 20;  // bytes

struct FrameHeader {
  std::uint32_t length = 0;    // payload bytes that follow the header
  Tag tag{};                   // step of the protocol
  bool last = false;           // the message ends with this frame
  std::uint64_t sequence = 0;  // frames sent before this one in this direction
  std::uint64_t round = 0;  // logical clock of Traffic::rounds, the same in all frames of a message

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// The frame that a receiver waits for, with the range that the round stamp may lie in: a peer
// never goes back in time, and is at most one round ahead of what we have sent it.
struct ExpectedFrame {
  FrameHeader header;  // header.round is the least that is allowed
  std::uint64_t max_round = 0;
};

void encode_frame_header(const FrameHeader& header, std::span<std::byte, kFrameHeaderSize> out);

// Throws ProtocolViolation unless the 32 bytes are a well-formed header that fits `expected`.
// Names the first thing that is wrong.
FrameHeader decode_frame_header(std::span<const std::byte, kFrameHeaderSize> bytes,
                                const ExpectedFrame& expected);

}  // namespace hush::mpc
