#include "mpc/channel/session.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "mpc/channel/little_endian.h"

namespace hush::mpc {
namespace {

constexpr Tag kHello{0x0001};
constexpr std::size_t kHelloSize = 128;
constexpr std::array<char, 8> kMagic{'H', 'U', 'S', 'H', '-', 'M', 'P', 'C'};
// Offsets in the hello. Magic and version stay where they are in every version to come, so that a
// difference of versions can always be named.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kRoleAt = 12;
constexpr std::size_t kPeerAt = 16;
constexpr std::size_t kIdAt = 20;
constexpr std::size_t kGraphAt = 36;
constexpr std::size_t kOptionsAt = 68;
constexpr std::size_t kReservedAt = 100;

using Hello = std::array<std::byte, kHelloSize>;

Hello encode(const Session& session) {
  Hello hello{};
  std::memcpy(hello.data(), kMagic.data(), kMagic.size());
  store_little_endian<std::uint32_t>(&hello[kVersionAt], session.version);
  store_little_endian<std::uint32_t>(&hello[kRoleAt], static_cast<std::uint32_t>(session.role));
  store_little_endian<std::uint32_t>(&hello[kPeerAt], static_cast<std::uint32_t>(session.peer));
  std::copy(session.id.begin(), session.id.end(), &hello[kIdAt]);
  std::copy(session.graph.begin(), session.graph.end(), &hello[kGraphAt]);
  std::copy(session.options.begin(), session.options.end(), &hello[kOptionsAt]);
  return hello;
}

std::string name_of(std::uint32_t role) {
  return role <= static_cast<std::uint32_t>(Role::client)
             ? std::string(role_name(static_cast<Role>(role)))
             : fmt::format("unknown role {}", role);
}

template <std::size_t kSize>
bool differs(const std::array<std::byte, kSize>& mine, const std::byte* theirs) {
  return CRYPTO_memcmp(mine.data(), theirs, kSize) != 0;
}

std::string digests(const Digest& mine, const std::byte* theirs) {
  constexpr std::size_t kShown = 8;
  return fmt::format("{}… here, {}… at the peer", hex(std::span(mine).first(kShown)),
                     hex(std::span(theirs, kShown)));
}

// Every item that the two ends do not agree on, each with both values.
std::vector<std::string> differences(const Session& mine, const Hello& theirs) {
  std::vector<std::string> found;
  const auto role = load_little_endian<std::uint32_t>(&theirs[kRoleAt]);
  const auto peer = load_little_endian<std::uint32_t>(&theirs[kPeerAt]);
  if (role != static_cast<std::uint32_t>(mine.peer) ||
      peer != static_cast<std::uint32_t>(mine.role))
    found.push_back(fmt::format("roles (here {} that waits for {}, there {} that waits for {})",
                                role_name(mine.role), role_name(mine.peer), name_of(role),
                                name_of(peer)));
  if (differs(mine.id, &theirs[kIdAt])) found.emplace_back("session id");
  if (differs(mine.graph, &theirs[kGraphAt]))
    found.push_back(fmt::format("graph (SHA-256 {})", digests(mine.graph, &theirs[kGraphAt])));
  if (differs(mine.options, &theirs[kOptionsAt]))
    found.push_back(
        fmt::format("options (SHA-256 {})", digests(mine.options, &theirs[kOptionsAt])));
  if (std::any_of(&theirs[kReservedAt], theirs.data() + kHelloSize,
                  [](std::byte b) { return b != std::byte{0}; }))
    found.emplace_back("reserved bytes");
  return found;
}

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::party0:
      return "party0";
    case Role::party1:
      return "party1";
    case Role::dealer:
      return "dealer";
    case Role::client:
      return "client";
  }
  throw ArgumentError(fmt::format("role {} does not exist", static_cast<std::uint32_t>(role)));
}

void open_session(Channel& channel, const Session& session) {
  Hello theirs;
  channel.exchange(encode(session), theirs, kHello);
  if (std::memcmp(theirs.data(), kMagic.data(), kMagic.size()) != 0)
    throw ProtocolViolation("the peer's first message is not a Hush hello: is it another program?");
  const auto version = load_little_endian<std::uint32_t>(&theirs[kVersionAt]);
  if (version != session.version)
    throw SessionMismatch(
        fmt::format("the two ends differ in protocol version ({} here, {} at the peer): run the "
                    "same release at both",
                    session.version, version));
  const std::vector<std::string> found = differences(session, theirs);
  if (!found.empty())
    throw SessionMismatch(
        fmt::format("the two ends differ in {}: start both alike", fmt::join(found, "; ")));
}

}  // namespace hush::mpc
