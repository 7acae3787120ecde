#include "apps/serve/acceptor.h"

#include "apps/serve/log.h"

namespace hush::apps {

Acceptor::Acceptor(AcceptorOptions options, Serve serve)
    : options_(std::move(options)),
      serve_(std::move(serve)),
      listener_(options_.address, mpc::Reach::anywhere),
      listening_([this] { listen(); }) {}

Acceptor::~Acceptor() {
  stopping_ = true;
  listening_.join();
  {
    const std::lock_guard lock(mutex_);
    for (Connection& connection : connections_)
      if (connection.link) connection.link->abort();
  }
  for (Connection& connection : connections_) connection.thread.join();
}

void Acceptor::listen() {
  while (!stopping_) {
    try {
      admit(listener_.accept(mpc::Clock::now() + std::chrono::milliseconds(200)));
    } catch (const mpc::Timeout&) {
      reap();
    } catch (const std::exception& error) {  // out of descriptors or threads: wait for some
      log("{}", error.what());
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
}

void Acceptor::admit(mpc::Socket socket) {
  reap();
  const std::lock_guard lock(mutex_);
  if (connections_.size() >= options_.most_connections) {
    log("{} turned away: {} connections are open already", socket.peer(), connections_.size());
    return;
  }
  Connection& connection = connections_.emplace_back();
  try {
    // The thread needs the mutex first, so `connection` is complete when it looks at it.
    connection.thread =
        std::thread([this, &connection, moved = std::make_shared<mpc::Socket>(std::move(socket))] {
          run(std::move(*moved), connection);
        });
  } catch (...) {
    connections_.pop_back();
    throw;
  }
}

void Acceptor::run(mpc::Socket socket, Connection& connection) {
  const std::string address = socket.peer();
  try {
    const auto link =
        Link::accept(std::move(socket), options_.credentials, options_.expected, options_.channel);
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) connection.link = link;
    }
    if (!stopping_) serve_(link);
  } catch (const mpc::PeerClosed&) {  // the usual end of a connection
  } catch (const mpc::AuthenticationError& error) {
    log("{} refused: {}", address, error.what());
  } catch (const std::exception& error) {
    log("connection of {}: {}", address, error.what());
  }
  const std::lock_guard lock(mutex_);
  connection.link.reset();
  connection.over = true;
}

void Acceptor::reap() {
  std::list<Connection> over;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = connections_.begin(); it != connections_.end();) {
      const auto here = it++;
      if (here->over) over.splice(over.end(), connections_, here);
    }
  }
  for (Connection& connection : over) connection.thread.join();
}

}  // namespace hush::apps
