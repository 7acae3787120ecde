#include "apps/serve/link.h"

#include <sys/socket.h>

#include "mpc/channel/tls_transport.h"

namespace hush::apps {
namespace {

std::shared_ptr<Link> shake_hands(mpc::Socket socket, mpc::TlsSide side,
                                  const mpc::TlsCredentials& credentials,
                                  const std::vector<std::string>& expected,
                                  mpc::ChannelOptions options) {
  const int descriptor = socket.descriptor();
  auto transport = std::make_unique<mpc::TlsTransport>(
      std::move(socket), side, credentials, expected, mpc::Clock::now() + Link::kHandshake);
  const std::string name = transport->peer_name();
  const std::string peer = transport->peer();
  return std::make_shared<Link>(descriptor, name, peer, std::move(transport), options);
}

}  // namespace

Link::Link(int descriptor, std::string peer_name, std::string peer,
           std::unique_ptr<mpc::Transport> transport, mpc::ChannelOptions options)
    : descriptor_(descriptor),
      peer_name_(std::move(peer_name)),
      peer_(std::move(peer)),
      channel_(std::move(transport), options) {}

std::shared_ptr<Link> Link::connect(const mpc::Address& address,
                                    const mpc::TlsCredentials& credentials,
                                    const std::vector<std::string>& expected,
                                    std::chrono::milliseconds patience,
                                    mpc::ChannelOptions options) {
  mpc::Socket socket =
      mpc::connect_socket(address, mpc::Reach::anywhere, mpc::Clock::now() + patience);
  return shake_hands(std::move(socket), mpc::TlsSide::connecting, credentials, expected, options);
}

std::shared_ptr<Link> Link::accept(mpc::Socket socket, const mpc::TlsCredentials& credentials,
                                   const std::vector<std::string>& expected,
                                   mpc::ChannelOptions options) {
  return shake_hands(std::move(socket), mpc::TlsSide::accepting, credentials, expected, options);
}

void Link::abort() noexcept {
  ::shutdown(descriptor_, SHUT_RDWR);
}

}  // namespace hush::apps
