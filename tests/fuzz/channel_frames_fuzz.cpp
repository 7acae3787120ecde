// The frame parser on a peer that says anything: raw bytes, or headers whose check is right and
// whose fields are not. Allowed are a ChannelError, or exactly the message of an honest frame.
#include <cstdlib>

#include "mpc/channel/frame.h"
#include "mpc/channel/framed_channel.h"
#include "tests/fuzz/replayed_transport.h"

using namespace hush::mpc;

namespace {

constexpr Tag kTag{0x0301};

void append(std::vector<std::byte>& wire, std::span<const std::byte> bytes) {
  wire.insert(wire.end(), bytes.begin(), bytes.end());
}

// One frame, nearly right: each bit of `faults` spoils one field.
void append_frame(std::vector<std::byte>& wire, Input& input, std::uint64_t sequence) {
  const std::uint64_t faults = input.number(1);
  const auto payload = input.bytes(input.number(1));
  FrameHeader header{static_cast<std::uint32_t>(payload.size()), kTag, true, sequence, 1};
  if (faults & 1) header.length = static_cast<std::uint32_t>(input.number(4));
  if (faults & 2) header.tag = Tag{static_cast<std::uint16_t>(input.number(2))};
  if (faults & 4) header.last = false;
  if (faults & 8) header.sequence = input.number(8);
  if (faults & 16) header.round = input.number(8);
  std::array<std::byte, kFrameHeaderSize> bytes{};
  encode_frame_header(header, bytes);
  if (faults & 32) bytes[input.number(1) % kFrameHeaderSize] ^= std::byte{1};
  append(wire, bytes);
  append(wire, payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::vector<std::size_t> sizes(input.number(1) % 8);
  for (std::size_t& one : sizes) one = input.number(1);
  std::vector<std::byte> wire;
  for (std::uint64_t sequence = 0; !input.empty(); ++sequence) {
    if (input.number(1) % 8 == 0)
      append(wire, input.bytes(input.number(1)));
    else
      append_frame(wire, input, sequence);
  }
  FramedChannel channel(std::make_unique<ReplayedTransport>(wire), {});
  std::size_t position = 0;
  try {
    for (const std::size_t one : sizes) {
      std::vector<std::byte> message(one);
      channel.receive(message, kTag);
      // A message that is accepted lies on the wire just where an honest one would.
      position += kFrameHeaderSize;
      if (position + one > wire.size() ||
          !std::equal(message.begin(), message.end(), wire.begin() + std::ptrdiff_t(position)))
        std::abort();
      position += one;
    }
  } catch (const ChannelError&) {
  }
  return 0;
}
