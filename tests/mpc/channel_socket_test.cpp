// Addresses, the refusal to send in the clear beyond the machine, and connecting against the clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

using testing::HasSubstr;

Clock::time_point in_ms(int count) {
  return Clock::now() + std::chrono::milliseconds(count);
}

TEST(AddressTest, ParsesHostAndPort) {
  EXPECT_EQ(Address::parse("127.0.0.1:80").text(), "127.0.0.1:80");
  EXPECT_EQ(Address::parse("[::1]:65535").text(), "[::1]:65535");
  EXPECT_EQ(Address::parse("some.host:1").host, "some.host");
  EXPECT_EQ(Address::parse(":9000").text(), "127.0.0.1:9000");
  for (const char* text :
       {"", "host", "host:", "host:x", "host:65536", "host:-1", "::1:80", "host:80 ", "[::1]80"})
    EXPECT_THROW(Address::parse(text), ArgumentError) << text;
}

TEST(SocketTest, PlainTcpStaysOnTheMachine) {
  for (const char* host : {"0.0.0.0", "192.0.2.1", "::", "2001:db8::1"}) {
    EXPECT_THROW(Listener(Address{host, 0}, Reach::loopback_only), ConnectionError) << host;
    EXPECT_THROW(connect_socket(Address{host, 9}, Reach::loopback_only, in_ms(50)), ConnectionError)
        << host;
  }
  EXPECT_NO_THROW(Listener(Address{"0.0.0.0", 0}, Reach::anywhere));
  EXPECT_NO_THROW(Listener(Address{"127.0.0.9", 0}, Reach::loopback_only));
}

TEST(SocketTest, WorksOverIpv6) {
  std::unique_ptr<Listener> listener;
  try {
    listener = std::make_unique<Listener>(Address{"::1", 0}, Reach::loopback_only);
  } catch (const ConnectionError& error) {
    GTEST_SKIP() << "no IPv6 loopback on this machine: " << error.what();
  }
  Socket connecting =
      connect_socket(Address{"::1", listener->port()}, Reach::loopback_only, soon());
  Socket accepting = listener->accept(soon());
  EXPECT_THAT(accepting.peer(), testing::StartsWith("[::1]:"));
  auto channels = make_channels({std::make_unique<TcpTransport>(std::move(accepting)),
                                 std::make_unique<TcpTransport>(std::move(connecting))});
  run_two_parties(std::move(channels), [](int, Channel& channel) {
    std::array<std::byte, 4> out{}, in{};
    channel.exchange(out, in, Tag{1});
  });
}

TEST(SocketTest, ConnectWaitsForALatePeer) {
  std::uint16_t port = Listener(Address{}, Reach::loopback_only).port();  // free again now
  auto connecting = std::async(std::launch::async, [&] {
    return connect_socket(Address{"127.0.0.1", port}, Reach::loopback_only, soon());
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  const Listener listener(Address{"127.0.0.1", port}, Reach::loopback_only);
  const Socket accepted = listener.accept(soon());
  EXPECT_EQ(connecting.get().peer(), Address({"127.0.0.1", port}).text());
}

TEST(SocketTest, NobodyThereIsATimeout) {
  const std::uint16_t port = Listener(Address{}, Reach::loopback_only).port();
  const auto start = Clock::now();
  EXPECT_THROW(connect_socket(Address{"127.0.0.1", port}, Reach::loopback_only, in_ms(100)),
               Timeout);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST(SocketTest, NobodyComesIsATimeout) {
  const Listener listener(Address{}, Reach::loopback_only);
  EXPECT_THROW(listener.accept(in_ms(50)), Timeout);
}

TEST(SocketTest, PortInUseIsNamed) {
  const Listener first(Address{}, Reach::loopback_only);
  try {
    const Listener second(Address{"127.0.0.1", first.port()}, Reach::loopback_only);
    FAIL() << "two listeners on one port";
  } catch (const ConnectionError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot listen on 127.0.0.1:"));
  }
}

TEST(SocketTest, UnknownHostIsNamed) {
  EXPECT_THROW(connect_socket(Address{"no such host", 1}, Reach::anywhere, in_ms(50)),
               ConnectionError);
}

}  // namespace
}  // namespace hush::mpc
