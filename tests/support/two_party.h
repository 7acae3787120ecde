// Runs both halves of a two-party protocol in two threads of the test.
//
//   simulate_two_parties([](int party, Channel& channel) { … });          over every kind of link
//   const auto [a, b] = run_two_parties(Link::memory, [](int party, Channel& channel) {
//     …
//     return result;
//   });
//
// If one party throws, its end is closed, so that the other ends too, and the error that came
// first is rethrown in the test.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "mpc/channel/certificate_authority.h"
#include "mpc/channel/framed_channel.h"
#include "mpc/channel/memory_transport.h"
#include "mpc/channel/session.h"
#include "mpc/channel/socket.h"
#include "mpc/channel/tcp_transport.h"
#include "mpc/channel/tls_transport.h"

namespace hush::mpc {

enum class Link { memory, tcp, tls };
inline constexpr std::array kAllLinks{Link::memory, Link::tcp, Link::tls};

inline const char* link_name(Link link) {
  constexpr std::array kNames{"memory", "tcp", "tls"};
  return kNames[static_cast<std::size_t>(link)];
}

using TransportPair = std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>>;
using ChannelPair = std::array<std::unique_ptr<Channel>, 2>;

inline Clock::time_point soon() {
  return Clock::now() + std::chrono::seconds(20);
}

// Two connected sockets of this process; the first is the accepting end.
inline std::pair<Socket, Socket> make_socket_pair() {
  const Listener listener(Address{}, Reach::loopback_only);
  Socket connecting =
      connect_socket(Address{"127.0.0.1", listener.port()}, Reach::loopback_only, soon());
  return {listener.accept(soon()), std::move(connecting)};
}

inline TransportPair make_tls_transports() {
  static const CertificateAuthority authority;
  static const TlsCredentials first = authority.issue("party0");
  static const TlsCredentials second = authority.issue("party1");
  auto [accepting, connecting] = make_socket_pair();
  auto client = std::async(std::launch::async, [socket = std::move(connecting)]() mutable {
    return std::make_unique<TlsTransport>(std::move(socket), TlsSide::connecting, second, "party0",
                                          soon());
  });
  auto server = std::make_unique<TlsTransport>(std::move(accepting), TlsSide::accepting, first,
                                               "party1", soon());
  return {std::move(server), client.get()};
}

inline TransportPair make_transports(Link link) {
  if (link == Link::memory) return make_memory_transports();
  if (link == Link::tls) return make_tls_transports();
  auto [first, second] = make_socket_pair();
  return {std::make_unique<TcpTransport>(std::move(first)),
          std::make_unique<TcpTransport>(std::move(second))};
}

inline ChannelPair make_channels(TransportPair ends, ChannelOptions options = {}) {
  return {std::make_unique<FramedChannel>(std::move(ends.first), options),
          std::make_unique<FramedChannel>(std::move(ends.second), options)};
}

inline ChannelPair make_channels(Link link, ChannelOptions options = {}) {
  return make_channels(make_transports(link), options);
}

// Runs fn(party, channel) for both parties. Returns what they return, party 0 first.
template <class Function>
auto run_two_parties(ChannelPair channels, Function fn) {
  using Result = std::invoke_result_t<Function&, int, Channel&>;
  constexpr bool kVoid = std::is_void_v<Result>;
  std::array<std::optional<std::conditional_t<kVoid, bool, Result>>, 2> results;
  std::mutex mutex;
  std::exception_ptr first_error;
  const auto run = [&](int party) {
    auto& channel = channels[static_cast<std::size_t>(party)];
    try {
      if constexpr (kVoid)
        fn(party, *channel);
      else
        results[static_cast<std::size_t>(party)].emplace(fn(party, *channel));
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first_error) first_error = std::current_exception();
      channel.reset();
    }
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  if (first_error) std::rethrow_exception(first_error);
  if constexpr (!kVoid)
    return std::array<Result, 2>{std::move(*results[0]), std::move(*results[1])};
}

template <class Function>
auto run_two_parties(Link link, Function fn) {
  return run_two_parties(make_channels(link), std::move(fn));
}

template <class Function>
void simulate_two_parties(Function fn) {
  for (const Link link : kAllLinks) {
    SCOPED_TRACE(link_name(link));
    run_two_parties(link, fn);
  }
}

}  // namespace hush::mpc
