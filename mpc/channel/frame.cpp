#include "mpc/channel/frame.h"

#include <fmt/format.h>

#include <utility>

#include "mpc/channel/little_endian.h"

namespace hush::mpc {
namespace {

constexpr std::size_t kCheckOffset = 24;
constexpr std::uint16_t kLastFrame = 1;

// FNV-1a. Every step is a bijection of the state, so damage to any one byte is always noticed.
// It is there against accidents and strangers; against a forger only TLS helps.
std::uint64_t header_check(std::span<const std::byte, kFrameHeaderSize> header) {
  std::uint64_t state = 0xcbf29ce484222325;
  for (const std::byte b : header.first<kCheckOffset>())
    state = (state ^ std::to_integer<std::uint64_t>(b)) * 0x100000001b3;
  return state;
}

template <class... T>
[[noreturn]] void violation(fmt::format_string<T...> format, T&&... arguments) {
  throw ProtocolViolation(fmt::format(format, std::forward<T>(arguments)...));
}

}  // namespace

void encode_frame_header(const FrameHeader& header, std::span<std::byte, kFrameHeaderSize> out) {
  store_little_endian<std::uint32_t>(&out[0], header.length);
  store_little_endian<std::uint16_t>(&out[4], static_cast<std::uint16_t>(header.tag));
  store_little_endian<std::uint16_t>(&out[6], header.last ? kLastFrame : 0);
  store_little_endian<std::uint64_t>(&out[8], header.sequence);
  store_little_endian<std::uint64_t>(&out[16], header.round);
  store_little_endian<std::uint64_t>(&out[kCheckOffset], header_check(out));
}

FrameHeader decode_frame_header(std::span<const std::byte, kFrameHeaderSize> bytes,
                                const ExpectedFrame& expected) {
  const FrameHeader& want = expected.header;
  const auto flags = load_little_endian<std::uint16_t>(&bytes[6]);
  const FrameHeader got{load_little_endian<std::uint32_t>(&bytes[0]),
                        Tag{load_little_endian<std::uint16_t>(&bytes[4])}, flags == kLastFrame,
                        load_little_endian<std::uint64_t>(&bytes[8]),
                        load_little_endian<std::uint64_t>(&bytes[16])};
  if (load_little_endian<std::uint64_t>(&bytes[kCheckOffset]) != header_check(bytes))
    violation("frame {}: header is damaged, or the peer does not speak this protocol",
              want.sequence);
  if (flags > kLastFrame) violation("frame {}: unknown flags {:#06x}", want.sequence, flags);
  if (got.length > kMaxFramePayload)
    violation("frame {}: {} bytes announced, but a frame holds at most {}", want.sequence,
              got.length, kMaxFramePayload);
  if (got.sequence != want.sequence)
    violation("frame {} came where frame {} was due: replayed, reordered or lost", got.sequence,
              want.sequence);
  if (got.tag != want.tag)
    violation("frame {}: the peer is at another step: tag {:#06x} came, {:#06x} was due",
              got.sequence, static_cast<unsigned>(got.tag), static_cast<unsigned>(want.tag));
  if (got.length != want.length || got.last != want.last)
    violation("frame {}, tag {:#06x}: {}{} bytes came, {}{} were due", got.sequence,
              static_cast<unsigned>(got.tag), got.last ? "the last " : "", got.length,
              want.last ? "the last " : "", want.length);
  if (got.round < want.round || got.round > expected.max_round)
    violation("frame {}: round stamp {} lies outside {} to {}", got.sequence, got.round, want.round,
              expected.max_round);
  return got;
}

}  // namespace hush::mpc
