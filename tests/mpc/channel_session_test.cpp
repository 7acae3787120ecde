// Two parties that do not mean the same session learn it at once, both, and learn why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "mpc/channel/session.h"
#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Session session_of(int party) {
  Session session;
  session.role = party == 0 ? Role::party0 : Role::party1;
  session.peer = party == 0 ? Role::party1 : Role::party0;
  session.id.fill(std::byte{7});
  session.graph = sha256("a graph");
  session.options = sha256("some options");
  return session;
}

// What each party is told when party 1's session has been altered.
std::array<std::string, 2> verdicts(const std::function<void(Session&)>& alter) {
  return run_two_parties(Link::memory, [&](int party, Channel& channel) -> std::string {
    Session session = session_of(party);
    if (party == 1) alter(session);
    try {
      open_session(channel, session);
    } catch (const SessionMismatch& error) {
      return error.what();
    }
    return "agreed";
  });
}

TEST(SessionTest, OpensWhenAllAgree) {
  simulate_two_parties([](int party, Channel& channel) {
    open_session(channel, session_of(party));
    EXPECT_EQ(channel.traffic(), (Traffic{128, 128, 1, 1, 1}));
  });
}

TEST(SessionTest, NamesTheVersionAtBothEnds) {
  const auto [first, second] = verdicts([](Session& session) { session.version = 9; });
  EXPECT_THAT(first, HasSubstr("protocol version (4 here, 9 at the peer)"));
  EXPECT_THAT(second, HasSubstr("protocol version (9 here, 4 at the peer)"));
}

TEST(SessionTest, NamesTheGraphAtBothEnds) {
  const auto [first, second] =
      verdicts([](Session& session) { session.graph = sha256("another graph"); });
  const std::string mine = hex(sha256("a graph")).substr(0, 16);
  const std::string theirs = hex(sha256("another graph")).substr(0, 16);
  EXPECT_THAT(first, HasSubstr("graph (SHA-256 " + mine + "… here, " + theirs + "… at the peer)"));
  EXPECT_THAT(second, HasSubstr("graph (SHA-256 " + theirs + "… here, " + mine + "… at the peer)"));
  EXPECT_THAT(first, AllOf(Not(HasSubstr("options")), Not(HasSubstr("roles"))));
}

TEST(SessionTest, NamesAllThatDiffers) {
  const auto texts = verdicts([](Session& session) {
    session.options = sha256("other options");
    session.graph = sha256("another graph");
    session.id[15] = std::byte{8};
  });
  for (const std::string& text : texts)
    EXPECT_THAT(text, AllOf(HasSubstr("options ("), HasSubstr("graph ("), HasSubstr("session id")));
}

TEST(SessionTest, NeverPrintsTheSessionId) {
  for (const std::string& text : verdicts([](Session& session) { session.id.fill(std::byte{8}); }))
    EXPECT_THAT(text,
                AllOf(HasSubstr("session id"), Not(HasSubstr("0707")), Not(HasSubstr("0808"))));
}

TEST(SessionTest, TwoPartiesWithTheSameNumber) {
  const auto texts = verdicts([](Session& session) { session = session_of(0); });
  for (const std::string& text : texts)
    EXPECT_THAT(text, HasSubstr("here party0 that waits for party1, there party0 that waits for "
                                "party1"));
}

TEST(SessionTest, ARoleThatNobodyWaitsFor) {
  const auto [first, second] = verdicts([](Session& session) { session.role = Role::dealer; });
  EXPECT_THAT(first, HasSubstr("here party0 that waits for party1, there dealer that waits for"));
  EXPECT_THAT(second, HasSubstr("here dealer that waits for party0, there party0 that waits for"));
}

constexpr Tag kHello{0x0001};
using Hello = std::array<std::byte, 128>;

// What an honest party 1 sends.
Hello honest_hello() {
  Hello hello{};
  run_two_parties(Link::memory, [&](int party, Channel& channel) {
    if (party == 0) {
      channel.exchange(Hello{}, hello, kHello);
    } else {
      EXPECT_THROW(open_session(channel, session_of(1)), ProtocolViolation);
    }
  });
  return hello;
}

// What party 0 says to a peer that frames correctly but sends this hello.
template <class Error>
std::string reply_to(const Hello& hello) {
  return run_two_parties(Link::memory, [&](int party, Channel& channel) -> std::string {
    Hello received{};
    if (party == 1) channel.exchange(hello, received, kHello);
    if (party == 1) return "";
    try {
      open_session(channel, session_of(0));
    } catch (const Error& error) {
      return error.what();
    }
    return "agreed";
  })[0];
}

TEST(SessionTest, HelloHasTheDocumentedLayout) {
  const Hello hello = honest_hello();
  const Session session = session_of(1);
  EXPECT_EQ(std::memcmp(hello.data(), "HUSH-MPC\4\0\0\0\1\0\0\0\0\0\0\0", 20), 0);
  EXPECT_TRUE(std::equal(session.id.begin(), session.id.end(), &hello[20]));
  EXPECT_TRUE(std::equal(session.graph.begin(), session.graph.end(), &hello[36]));
  EXPECT_TRUE(std::equal(session.options.begin(), session.options.end(), &hello[68]));
  EXPECT_TRUE(std::all_of(&hello[100], hello.data() + hello.size(),
                          [](std::byte b) { return b == std::byte{0}; }));
}

TEST(SessionTest, AFlippedBitInAnyByteOfAHelloIsNoticed) {
  const Hello honest = honest_hello();
  EXPECT_EQ(reply_to<SessionMismatch>(honest), "agreed");
  for (std::size_t bit = 0; bit < 8 * honest.size(); bit += 7) {
    Hello hello = honest;
    hello[bit / 8] ^= std::byte{1} << (bit % 8);
    const std::string reply =
        bit < 64 ? reply_to<ProtocolViolation>(hello) : reply_to<SessionMismatch>(hello);
    EXPECT_THAT(reply, HasSubstr(bit < 64 ? "not a Hush hello" : "differ in")) << "bit " << bit;
  }
}

TEST(SessionTest, APeerThatStartsWithAnotherMessage) {
  run_two_parties(Link::memory, [](int party, Channel& channel) {
    Hello hello{};
    if (party == 0) {
      EXPECT_THROW(open_session(channel, session_of(0)), ProtocolViolation);
    } else {
      channel.send(hello, Tag{0x0301});
      channel.flush();
    }
  });
}

TEST(SessionTest, ASilentPeerIsATimeout) {
  auto channels = make_channels(Link::tcp, {std::chrono::milliseconds(50)});
  EXPECT_THROW(open_session(*channels[0], session_of(0)), Timeout);
}

}  // namespace
}  // namespace hush::mpc
