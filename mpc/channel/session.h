// The first exchange on every channel: both ends say what they are about to do, and go on only if
// it is the same. Costs 1 round and 128 bytes each way; docs/wire_format.md gives them.
//
// It finds mistakes (two parties started with different models or options, or both as party 0).
// It proves nothing about who the peer is; that is what the certificates of TLS do.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mpc/channel/channel.h"
#include "mpc/channel/sha256.h"

namespace hush::mpc {

// Raised whenever the bytes of any protocol change.
inline constexpr std::uint32_t kProtocolVersion = 4;

enum class Role : std::uint32_t { party0 = 0, party1 = 1, dealer = 2, client = 3 };

// The name in messages and, under TLS, in the certificate: "party0", "party1", "dealer", "client".
std::string_view role_name(Role role);

// What both ends of a channel must agree on.
struct Session {
  std::uint32_t version = kProtocolVersion;
  Role role{};                     // of this end
  Role peer{};                     // of the other end
  std::array<std::byte, 16> id{};  // agreed beforehand; compared in constant time, never printed
  Digest graph{};                  // of the network's structure (not its weights)
  Digest options{};                // of all options that change what is sent
};

// Throws SessionMismatch at both ends if anything differs, with every item that does, its value
// here and at the peer; ProtocolViolation if the peer speaks something else altogether.
void open_session(Channel& channel, const Session& session);

}  // namespace hush::mpc
