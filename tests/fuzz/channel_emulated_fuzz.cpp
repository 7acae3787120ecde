// The records of the emulated network with arbitrary bytes below: a ChannelError or the payload,
// within the time limit, whatever arrival times and lengths they claim.
#include <cstdlib>

#include "mpc/channel/emulated_transport.h"
#include "mpc/channel/little_endian.h"
#include "tests/fuzz/replayed_transport.h"

using namespace hush::mpc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::vector<std::byte> wire;
  std::vector<std::byte> payload;  // of the records so far that are well-formed and due
  bool honest = true;
  while (!input.empty()) {
    const std::uint64_t arrival = input.number(1) % 4 == 0 ? input.number(8) : 0;
    const auto bytes = input.bytes(input.number(1));
    const std::uint64_t length = input.number(1) % 4 == 0 ? input.number(4) : bytes.size();
    honest = honest && arrival == 0 && length == bytes.size() && length > 0;
    std::array<std::byte, EmulatedTransport::kRecordHeader> header{};
    store_little_endian<std::uint64_t>(header.data(), arrival);
    store_little_endian<std::uint32_t>(&header[8], static_cast<std::uint32_t>(length));
    wire.insert(wire.end(), header.begin(), header.end());
    wire.insert(wire.end(), bytes.begin(), bytes.end());
    if (honest) payload.insert(payload.end(), bytes.begin(), bytes.end());
  }
  EmulatedTransport transport(std::make_unique<ReplayedTransport>(wire), NetworkModel{0, 1e9});
  std::vector<std::byte> received;
  try {
    // A record that is not due yet yields nothing, however often one asks.
    for (int idle = 0; idle < 100;) {
      std::array<std::byte, 50> piece{};
      const std::size_t count = transport.try_read(piece);
      received.insert(received.end(), piece.begin(), piece.begin() + std::ptrdiff_t(count));
      idle = count == 0 ? idle + 1 : 0;
    }
  } catch (const ChannelError&) {
  }
  if (received.size() < payload.size() ||
      !std::equal(payload.begin(), payload.end(), received.begin()))
    std::abort();
  return 0;
}
