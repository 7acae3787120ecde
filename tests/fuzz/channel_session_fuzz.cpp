// Opening a session with a peer whose hello is arbitrary, honestly framed or not: refused with a
// ChannelError unless it is, byte for byte, the one hello that agrees with ours.
#include <cstdlib>

#include "mpc/channel/frame.h"
#include "mpc/channel/framed_channel.h"
#include "mpc/channel/session.h"
#include "tests/fuzz/replayed_transport.h"

using namespace hush::mpc;

namespace {

constexpr std::size_t kHelloSize = 128;
// The hello of a party 1 of this version whose id and digests are all zero.
static_assert(kProtocolVersion < 128);
constexpr std::array<char, 20> kHonest{
    'H', 'U', 'S', 'H', '-', 'M', 'P', 'C', char(kProtocolVersion), 0, 0, 0, 1};

std::vector<std::byte> framed(std::span<const std::byte> hello) {
  std::vector<std::byte> wire(kFrameHeaderSize);
  const FrameHeader header{kHelloSize, Tag{0x0001}, true, 0, 1};
  encode_frame_header(header,
                      std::span<std::byte, kFrameHeaderSize>(wire.data(), kFrameHeaderSize));
  wire.insert(wire.end(), hello.begin(), hello.end());
  return wire;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool raw = input.number(1) % 4 == 0;
  std::vector<std::byte> hello(kHelloSize);
  const auto honest = std::as_bytes(std::span(kHonest));
  std::copy(honest.begin(), honest.end(), hello.begin());
  const std::vector<std::byte> agreeing = hello;
  // A few bytes are changed, so that what lies behind the first check is reached too.
  while (!raw && !input.empty()) hello[input.number(1) % kHelloSize] = std::byte(input.number(1));
  const auto rest = input.bytes(size);
  const std::vector<std::byte> wire = raw ? std::vector(rest.begin(), rest.end()) : framed(hello);
  Session session;
  session.role = Role::party0;
  session.peer = Role::party1;
  FramedChannel channel(std::make_unique<ReplayedTransport>(wire), {});
  try {
    open_session(channel, session);
  } catch (const ChannelError&) {
    if (!raw && hello == agreeing) std::abort();
    return 0;
  }
  if (wire != framed(agreeing)) std::abort();
  return 0;
}
