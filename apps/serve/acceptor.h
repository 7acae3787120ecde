// Listens on a port and gives every connection that proves its name a thread of its own.
//
// Connections are few and long: two servers, a dealer, and clients up to a limit. A thread each
// keeps protocol code straight; the limit is what bounds memory and threads.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "apps/serve/link.h"

namespace hush::apps {

struct AcceptorOptions {
  mpc::Address address;
  mpc::TlsCredentials credentials;
  std::vector<std::string> expected;  // names of certificates that may connect
  std::size_t most_connections = 64;  // handshakes included; more are closed at once
  mpc::ChannelOptions channel;
};

class Acceptor {
 public:
  // `serve` runs in the connection's thread; what it throws is logged with the peer's name.
  using Serve = std::function<void(const std::shared_ptr<Link>&)>;
  // Throws ConnectionError if it cannot listen.
  Acceptor(AcceptorOptions options, Serve serve);
  // Takes no new connections, breaks the others off, and waits for their threads.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  std::uint16_t port() const { return listener_.port(); }
  void stop_listening() { stopping_ = true; }

 private:
  struct Connection {
    std::thread thread;
    std::shared_ptr<Link> link;  // once it has shaken hands
    bool over = false;
  };

  void listen();
  void admit(mpc::Socket socket);
  void run(mpc::Socket socket, Connection& connection);
  void reap();

  AcceptorOptions options_;
  Serve serve_;
  mpc::Listener listener_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;  // guards connections_ and what is in them
  std::list<Connection> connections_;
  std::thread listening_;
};

}  // namespace hush::apps
