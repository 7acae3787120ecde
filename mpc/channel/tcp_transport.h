// Plain TCP: no secrecy and no proof of who the peer is. For two processes of one machine.
#pragma once

#include "mpc/channel/socket.h"
#include "mpc/channel/transport.h"

namespace hush::mpc {

class TcpTransport final : public Transport {
 public:
  explicit TcpTransport(Socket socket) : socket_(std::move(socket)) {}

  std::size_t try_write(std::span<const std::byte> first,
                        std::span<const std::byte> second) override;
  std::size_t try_read(std::span<std::byte> out) override;
  void wait(Interest interest, Clock::time_point deadline) override {
    socket_.wait(interest, deadline);
  }
  std::string peer() const override { return socket_.peer(); }

 private:
  Socket socket_;
};

// One non-blocking send or receive on a socket; what the transports over sockets share.
// 0 if it would block. Throws PeerClosed at the end of the stream and on reset.
std::size_t write_socket(const Socket& socket, std::span<const std::byte> first,
                         std::span<const std::byte> second);
std::size_t read_socket(const Socket& socket, std::span<std::byte> out);

}  // namespace hush::mpc
