#include "mpc/channel/digest_channel.h"

#include <array>

#include "mpc/channel/little_endian.h"

namespace hush::mpc {

void DigestChannel::send(std::span<const std::byte> message, Tag tag) {
  absorb(message, tag);
  below_.send(message, tag);
}

void DigestChannel::exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                             Tag tag) {
  absorb(outgoing, tag);
  below_.exchange(outgoing, incoming, tag);
}

void DigestChannel::absorb(std::span<const std::byte> message, Tag tag) {
  std::array<std::byte, 10> header;
  store_little_endian<std::uint16_t>(header.data(), static_cast<std::uint16_t>(tag));
  store_little_endian<std::uint64_t>(&header[2], message.size());
  hash_.update(header);
  hash_.update(message);
}

}  // namespace hush::mpc
