#include "mpc/channel/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

namespace hush::mpc {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

std::string error_text(int number) {
  return std::generic_category().message(number);
}

AddressList resolve(const Address& address, bool passive) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  const int code =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (code != 0)
    throw ConnectionError(fmt::format("cannot resolve {}: {}", address.text(), gai_strerror(code)));
  return {found, &freeaddrinfo};
}

bool is_loopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    in_addr v4{};
    std::memcpy(&v4, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, sizeof v4);
    return ntohl(v4.s_addr) >> 24 == 127;
  }
  if (address.sa_family != AF_INET6) return false;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

void check_reach(const addrinfo& found, const Address& address, Reach reach) {
  if (reach == Reach::anywhere || is_loopback(*found.ai_addr)) return;
  throw ConnectionError(fmt::format(
      "{} is not a loopback address, and plain TCP is neither secret nor authenticated: use TLS",
      address.text()));
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string text_of(const sockaddr_storage& address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(),
                  nullptr, 0, NI_NUMERICHOST) != 0)
    return "unknown peer";
  return Address{host.data(), port_of(address)}.text();
}

int open_socket(const addrinfo& found) {
  const int descriptor = socket(found.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    throw ConnectionError(fmt::format("cannot open a socket: {}", error_text(errno)));
  return descriptor;
}

void switch_on(const Socket& socket, int level, int option) {
  const int on = 1;
  setsockopt(socket.descriptor(), level, option, &on, sizeof on);
}

Socket open_listener(const Address& address, Reach reach) {
  const AddressList found = resolve(address, true);
  check_reach(*found, address, reach);
  Socket socket(open_socket(*found), address.text());
  switch_on(socket, SOL_SOCKET, SO_REUSEADDR);
  if (bind(socket.descriptor(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(socket.descriptor(), 8) != 0)
    throw ConnectionError(
        fmt::format("cannot listen on {}: {}", address.text(), error_text(errno)));
  return socket;
}

std::uint16_t bound_port(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
  return port_of(address);
}

bool is_connected(const Socket& socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return getpeername(socket.descriptor(), reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

// 0 when connected, else the error number.
int try_connect(const Socket& socket, const addrinfo& found, Clock::time_point deadline) {
  if (connect(socket.descriptor(), found.ai_addr, found.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  while (Clock::now() < deadline) {
    socket.wait({.read = false, .write = true}, deadline);
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || is_connected(socket)) return error;
  }
  return ETIMEDOUT;
}

bool worth_another_try(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == ETIMEDOUT ||
         error == EHOSTUNREACH || error == ENETUNREACH || error == EINTR;
}

}  // namespace

Socket::Socket(int descriptor, std::string peer)
    : descriptor_(descriptor), peer_(std::move(peer)) {}

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), peer_(std::move(other.peer_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(peer_, other.peer_);
  return *this;
}

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Socket::wait(Interest interest, Clock::time_point deadline) const {
  const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec limit{seconds.count(), (left - seconds).count()};
  const int events = (interest.read ? POLLIN : 0) | (interest.write ? POLLOUT : 0);
  pollfd request{descriptor_, static_cast<short>(events), 0};
  if (ppoll(&request, 1, &limit, nullptr) < 0 && errno != EINTR)
    throw ChannelError(fmt::format("cannot wait for {}: {}", peer_, error_text(errno)));
}

Address Address::parse(const std::string& text) {
  Address result;
  const std::size_t colon = text.rfind(':');
  require(colon != std::string::npos, "address \"{}\" has no port: write host:port", text);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else
    require(host.find(':') == std::string::npos,
            "address \"{}\": write an IPv6 host as [host]:port", text);
  if (!host.empty()) result.host = host;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, result.port);
  require(error == std::errc{} && stop == end, "address \"{}\": the port must be 0 to 65535", text);
  return result;
}

std::string Address::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

Listener::Listener(const Address& address, Reach reach)
    : socket_(open_listener(address, reach)), port_(bound_port(socket_)) {}

Socket Listener::accept(Clock::time_point deadline) const {
  while (true) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int descriptor = accept4(socket_.descriptor(), reinterpret_cast<sockaddr*>(&address),
                                   &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      Socket connection(descriptor, text_of(address, size));
      switch_on(connection, IPPROTO_TCP, TCP_NODELAY);
      return connection;
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      throw ConnectionError(
          fmt::format("cannot accept on {}: {}", socket_.peer(), error_text(errno)));
    if (Clock::now() >= deadline)
      throw Timeout(fmt::format("nobody connected to {} in time", socket_.peer()));
    socket_.wait({.read = true, .write = false}, deadline);
  }
}

Socket connect_socket(const Address& address, Reach reach, Clock::time_point deadline) {
  std::chrono::milliseconds delay{2};
  while (true) {
    const AddressList found = resolve(address, false);
    int error = 0;
    for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
      check_reach(*one, address, reach);
      Socket socket(open_socket(*one), address.text());
      error = try_connect(socket, *one, deadline);
      if (error == 0) {
        switch_on(socket, IPPROTO_TCP, TCP_NODELAY);
        return socket;
      }
    }
    if (!worth_another_try(error))
      throw ConnectionError(
          fmt::format("cannot connect to {}: {}", address.text(), error_text(error)));
    if (Clock::now() + delay >= deadline)
      throw Timeout(fmt::format("nobody answers at {} ({}): is the other party running?",
                                address.text(), error_text(error)));
    std::this_thread::sleep_for(delay);
    delay = std::min(2 * delay, std::chrono::milliseconds{200});
  }
}

}  // namespace hush::mpc
