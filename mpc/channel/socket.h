// Non-blocking stream sockets over IPv4 and IPv6: listening, connecting with retries, waiting.
// Names no protocol; tcp_transport.h and tls_transport.h give the bytes a meaning.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "mpc/channel/transport.h"

namespace hush::mpc {

// Whether bytes may leave this machine. Plain TCP shows every byte to the network, and lets anyone
// on it play the peer, so it stays on the loopback interface unless the caller insists.
enum class Reach { loopback_only, anywhere };

// Owns one connected, non-blocking descriptor with Nagle's algorithm switched off.
class Socket {
 public:
  explicit Socket(int descriptor, std::string peer);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  int descriptor() const { return descriptor_; }
  const std::string& peer() const { return peer_; }  // numeric address and port

  // Until the socket can be read or written, the peer hangs up, or the deadline.
  void wait(Interest interest, Clock::time_point deadline) const;

 private:
  int descriptor_;
  std::string peer_;
};

// Host and port. parse() takes "host:port", "[v6]:port" or ":port" (loopback); throws
// ArgumentError.
struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;

  static Address parse(const std::string& text);
  std::string text() const;
};

class Listener {
 public:
  // Port 0 takes any free port. Throws ConnectionError, also when the address is not a loopback
  // one and `reach` forbids that.
  Listener(const Address& address, Reach reach);

  std::uint16_t port() const { return port_; }

  // Waits for one connection. Throws Timeout.
  Socket accept(Clock::time_point deadline) const;

 private:
  Socket socket_;
  std::uint16_t port_;
};

// Connects, and tries again while nobody listens yet, until the deadline. Throws Timeout, or
// ConnectionError where trying again cannot help.
Socket connect_socket(const Address& address, Reach reach, Clock::time_point deadline);

}  // namespace hush::mpc
