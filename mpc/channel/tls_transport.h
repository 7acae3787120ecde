// TLS 1.3 with certificates on both sides: secrecy, integrity, and proof of who the peer is.
//
// Each end trusts exactly one authority (not those of the system) and accepts only a certificate
// whose subject alternative name is a party that it expects: a valid certificate of another party
// is refused. No older TLS, no session tickets, no resumption, no early data.
//
// In TLS 1.3 the connecting end finishes its handshake before the other has looked at its
// certificate. So that both know where they stand when the constructor returns, the accepting end
// then sends one byte, 0x01, and the connecting end waits for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mpc/channel/socket.h"
#include "mpc/channel/tls_credentials.h"
#include "mpc/channel/transport.h"

namespace hush::mpc {

enum class TlsSide { connecting, accepting };

class TlsTransport final : public Transport {
 public:
  // Shakes hands as `credentials` with the party named `expected_peer`. Throws
  // AuthenticationError, Timeout, PeerClosed; ArgumentError if the credentials are malformed.
  TlsTransport(Socket socket, TlsSide side, const TlsCredentials& credentials,
               const std::string& expected_peer, Clock::time_point deadline);
  // The same with a peer that may be any of `expected_peers`; `peer_name` tells which it is.
  TlsTransport(Socket socket, TlsSide side, const TlsCredentials& credentials,
               const std::vector<std::string>& expected_peers, Clock::time_point deadline);
  ~TlsTransport() override;

  std::size_t try_write(std::span<const std::byte> first,
                        std::span<const std::byte> second) override;
  bool try_flush() override;
  std::size_t try_read(std::span<std::byte> out) override;
  void wait(Interest interest, Clock::time_point deadline) override;
  std::string peer() const override;
  // The expected name that the peer's certificate carries.
  const std::string& peer_name() const;

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace hush::mpc
