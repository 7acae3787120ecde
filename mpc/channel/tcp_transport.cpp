#include "mpc/channel/tcp_transport.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace hush::mpc {
namespace {

// 0 for errors that waiting mends.
std::size_t check_error(int error) {
  if (error == EAGAIN || error == EINTR) return 0;
  const std::string text = std::generic_category().message(error);
  if (error == EPIPE || error == ECONNRESET || error == ETIMEDOUT)
    throw PeerClosed(fmt::format("the connection is gone: {}", text));
  throw ChannelError(fmt::format("socket error: {}", text));
}

}  // namespace

std::size_t write_socket(const Socket& socket, std::span<const std::byte> first,
                         std::span<const std::byte> second) {
  std::array<iovec, 2> parts{
      iovec{const_cast<std::byte*>(first.data()), first.size()},     // NOLINT: sendmsg only reads
      iovec{const_cast<std::byte*>(second.data()), second.size()}};  // NOLINT
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t count = sendmsg(socket.descriptor(), &message, MSG_NOSIGNAL);
  return count >= 0 ? static_cast<std::size_t>(count) : check_error(errno);
}

std::size_t read_socket(const Socket& socket, std::span<std::byte> out) {
  if (out.empty()) return 0;
  const ssize_t count = recv(socket.descriptor(), out.data(), out.size(), 0);
  if (count == 0) throw PeerClosed("the peer has closed the connection");
  return count > 0 ? static_cast<std::size_t>(count) : check_error(errno);
}

std::size_t TcpTransport::try_write(std::span<const std::byte> first,
                                    std::span<const std::byte> second) {
  return write_socket(socket_, first, second);
}

std::size_t TcpTransport::try_read(std::span<std::byte> out) {
  return read_socket(socket_, out);
}

}  // namespace hush::mpc
