// A channel over TLS with its peer's proven name, which any thread may break off.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mpc/channel/framed_channel.h"
#include "mpc/channel/socket.h"
#include "mpc/channel/tls_credentials.h"

namespace hush::apps {

class Link {
 public:
  // How long a handshake may take.
  static constexpr std::chrono::seconds kHandshake{10};

  // Both shake hands with one of `expected`, named as in certificates; throw ChannelError.
  static std::shared_ptr<Link> connect(const mpc::Address& address,
                                       const mpc::TlsCredentials& credentials,
                                       const std::vector<std::string>& expected,
                                       std::chrono::milliseconds patience,
                                       mpc::ChannelOptions options);
  static std::shared_ptr<Link> accept(mpc::Socket socket, const mpc::TlsCredentials& credentials,
                                      const std::vector<std::string>& expected,
                                      mpc::ChannelOptions options);
  Link(int descriptor, std::string peer_name, std::string peer,
       std::unique_ptr<mpc::Transport> transport, mpc::ChannelOptions options);

  // For one thread at a time.
  mpc::Channel& channel() { return channel_; }
  const std::string& peer_name() const { return peer_name_; }  // of the certificate: "party1"
  const std::string& peer() const { return peer_; }            // and where: "party1 at …"

  // Breaks the connection off: whoever waits in the channel gets PeerClosed. From any thread.
  void abort() noexcept;

 private:
  int descriptor_;  // belongs to the channel, and lives as long
  std::string peer_name_, peer_;
  mpc::FramedChannel channel_;
};

}  // namespace hush::apps
