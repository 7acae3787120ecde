// Who may speak to whom: only TLS 1.3, only with a certificate of the common authority, only with
// the one for the expected name. And what travels cannot be altered.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "mpc/channel/openssl_handles.h"
#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
constexpr Tag kTag{0x0301};

const CertificateAuthority& authority() {
  static const CertificateAuthority one;
  return one;
}

struct End {
  TlsCredentials credentials;
  std::string expected_peer;
};

End end_of(const std::string& name, const std::string& peer) {
  return {authority().issue(name), peer};
}

// "connected", or what kept this end from it.
std::string attempt(Socket socket, TlsSide side, const End& end) {
  try {
    const TlsTransport transport(std::move(socket), side, end.credentials, end.expected_peer,
                                 soon());
    return "connected";
  } catch (const AuthenticationError& error) {
    return error.what();
  }
}

// What the accepting and the connecting end are told.
std::array<std::string, 2> shake_hands(const End& accepting, const End& connecting) {
  auto [first, second] = make_socket_pair();
  auto other = std::async(std::launch::async, [&, socket = std::move(second)]() mutable {
    return attempt(std::move(socket), TlsSide::connecting, connecting);
  });
  const std::string mine = attempt(std::move(first), TlsSide::accepting, accepting);
  return {mine, other.get()};
}

TEST(Tls, PartiesOfOneAuthorityConnect) {
  const auto [accepting, connecting] =
      shake_hands(end_of("party0", "client"), end_of("client", "party0"));
  EXPECT_EQ(accepting, "connected");
  EXPECT_EQ(connecting, "connected");
}

TEST(Tls, ExpiredCertificateIsRefusedByBoth) {
  const End good = end_of("party0", "party1");
  const End expired{authority().issue("party1", {-hours(48), -hours(24)}), "party0"};
  const auto [refusing, refused] = shake_hands(good, expired);
  EXPECT_THAT(refusing, AllOf(HasSubstr("party1 at"), HasSubstr("certificate has expired")));
  EXPECT_THAT(refused, HasSubstr("certificate expired"));

  const End expired_server{authority().issue("party0", {-hours(48), -hours(24)}), "party1"};
  const auto [accepting, connecting] = shake_hands(expired_server, end_of("party1", "party0"));
  EXPECT_THAT(connecting, AllOf(HasSubstr("party0 at"), HasSubstr("certificate has expired")));
  EXPECT_THAT(accepting, HasSubstr("certificate expired"));
}

TEST(Tls, CertificateOfTheFutureIsRefused) {
  const End early{authority().issue("party1", {hours(24), hours(48)}), "party0"};
  EXPECT_THAT(shake_hands(end_of("party0", "party1"), early)[0], HasSubstr("not yet valid"));
}

TEST(Tls, ForeignAuthorityIsRefused) {
  const CertificateAuthority foreign;
  // The stranger even trusts our authority; only its own certificate is foreign.
  End stranger{foreign.issue("party1"), "party0"};
  stranger.credentials.authority = authority().issue("x").authority;
  const auto [accepting, connecting] = shake_hands(end_of("party0", "party1"), stranger);
  EXPECT_THAT(accepting, HasSubstr("is refused: "));
  EXPECT_THAT(connecting, HasSubstr("alert"));

  End impostor{foreign.issue("party0"), "party1"};
  impostor.credentials.authority = stranger.credentials.authority;
  EXPECT_THAT(shake_hands(impostor, end_of("party1", "party0"))[1], HasSubstr("is refused: "));
}

TEST(Tls, CertificateOfAnotherPartyIsRefused) {
  const auto [accepting, connecting] =
      shake_hands(end_of("party0", "party1"), end_of("client", "party0"));
  EXPECT_THAT(accepting, AllOf(HasSubstr("party1 at"), HasSubstr("hostname mismatch")));
  EXPECT_NE(connecting, "connected");
  EXPECT_THAT(shake_hands(end_of("dealer", "party1"), end_of("party1", "party0"))[1],
              HasSubstr("hostname mismatch"));
}

TEST(Tls, APartyOfSeveralExpectedOnesIsNamedAndOthersAreRefused) {
  const auto accept = [](const std::string& visitor) {
    auto [first, second] = make_socket_pair();
    auto other = std::async(std::launch::async, [&, socket = std::move(second)]() mutable {
      return attempt(std::move(socket), TlsSide::connecting, end_of(visitor, "party0"));
    });
    const TlsTransport transport(std::move(first), TlsSide::accepting, authority().issue("party0"),
                                 std::vector<std::string>{"client", "party1"}, soon());
    EXPECT_EQ(other.get(), "connected");
    return transport.peer_name();
  };
  EXPECT_EQ(accept("client"), "client");
  EXPECT_EQ(accept("party1"), "party1");
  EXPECT_THROW(accept("dealer"), AuthenticationError);
}

TEST(Tls, WildcardNamesAreNotBelieved) {
  EXPECT_THAT(shake_hands(end_of("party0", "party1.org"), end_of("*.org", "party0"))[0],
              HasSubstr("hostname mismatch"));
}

TEST(Tls, KeyOfAnotherCertificateIsAnArgumentError) {
  TlsCredentials mixed = authority().issue("party0");
  mixed.key = authority().issue("party0").key;
  auto [first, second] = make_socket_pair();
  EXPECT_THROW(TlsTransport(std::move(first), TlsSide::accepting, mixed, "party1", soon()),
               ArgumentError);
}

TEST(Tls, MalformedPemIsAnArgumentError) {
  for (const char* pem :
       {"", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    TlsCredentials broken = authority().issue("party0");
    broken.certificate = pem;
    auto [first, second] = make_socket_pair();
    EXPECT_THROW(TlsTransport(std::move(first), TlsSide::accepting, broken, "party1", soon()),
                 ArgumentError);
  }
}

// A plain OpenSSL client on a blocking socket, configured by the test.
void raw_client(Socket socket, const std::function<void(SSL_CTX*)>& configure) {
  fcntl(socket.descriptor(), F_SETFL, fcntl(socket.descriptor(), F_GETFL) & ~O_NONBLOCK);
  const openssl::SslContext context(SSL_CTX_new(TLS_client_method()));
  configure(context.get());
  const openssl::Ssl ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), socket.descriptor());
  std::array<char, 1> data{};
  if (SSL_connect(ssl.get()) == 1) SSL_read(ssl.get(), data.data(), 1);
}

std::string server_verdict(const std::function<void(SSL_CTX*)>& configure) {
  auto [first, second] = make_socket_pair();
  auto client = std::async(std::launch::async, [&, socket = std::move(second)]() mutable {
    raw_client(std::move(socket), configure);
  });
  return attempt(std::move(first), TlsSide::accepting, end_of("party0", "party1"));
}

TEST(Tls, OlderVersionsAreRefused) {
  EXPECT_THAT(server_verdict(
                  [](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); }),
              HasSubstr("unsupported protocol"));
}

TEST(Tls, ClientWithoutCertificateIsRefused) {
  EXPECT_THAT(server_verdict([](SSL_CTX*) {}), HasSubstr("peer did not return a certificate"));
}

TEST(Tls, PlainTextIsRefused) {
  auto [first, second] = make_socket_pair();
  const std::string text = "GET / HTTP/1.1\r\n\r\n";
  write_socket(second, std::as_bytes(std::span(text)), {});
  EXPECT_NE(attempt(std::move(first), TlsSide::accepting, end_of("party0", "party1")), "connected");
}

TEST(Tls, SilentPeerIsATimeout) {
  for (const TlsSide side : {TlsSide::accepting, TlsSide::connecting}) {
    auto [first, second] = make_socket_pair();
    EXPECT_THROW(TlsTransport(std::move(first), side, authority().issue("party0"), "party1",
                              Clock::now() + milliseconds(50)),
                 Timeout);
  }
}

TEST(Tls, PeerThatClosesDuringTheHandshake) {
  for (const TlsSide side : {TlsSide::accepting, TlsSide::connecting}) {
    auto [first, second] = make_socket_pair();
    { const Socket closed = std::move(second); }
    EXPECT_THROW(
        TlsTransport(std::move(first), side, authority().issue("party0"), "party1", soon()),
        PeerClosed);
  }
}

// Stands between two sockets until one closes, and flips one bit of what the second sends, `at`
// bytes into it.
void flip_bit_between(Socket first, Socket second, std::size_t at) {
  TcpTransport left(std::move(first));
  TcpTransport right(std::move(second));
  std::vector<std::byte> buffer(64 << 10);
  std::size_t passed = 0;
  const auto pass = [&](TcpTransport& from, TcpTransport& to, bool damage) {
    const std::size_t count = from.try_read(buffer);
    if (damage && at >= passed && at < passed + count) buffer[at - passed] ^= std::byte{16};
    if (damage) passed += count;
    for (std::size_t done = 0; done < count;)
      done += to.try_write(std::span(buffer).subspan(done, count - done), {});
  };
  try {
    while (true) {
      pass(left, right, false);
      pass(right, left, true);
    }
  } catch (const PeerClosed&) {
  }
}

TEST(Tls, AlteredBytesAreNoticed) {
  auto [left_end, left_middle] = make_socket_pair();
  auto [right_middle, right_end] = make_socket_pair();
  auto proxy = std::async(std::launch::async, [left = std::move(left_middle),
                                               right = std::move(right_middle)]() mutable {
    flip_bit_between(std::move(left), std::move(right), 100000);
  });
  auto sending = std::async(std::launch::async, [&, socket = std::move(right_end)]() mutable {
    const End end = end_of("party1", "party0");
    FramedChannel channel(std::make_unique<TlsTransport>(std::move(socket), TlsSide::connecting,
                                                         end.credentials, "party0", soon()));
    channel.send(std::vector<std::byte>(1 << 20), kTag);
    std::array<std::byte, 1> answer{};
    channel.receive(answer, kTag);
  });
  const End end = end_of("party0", "party1");
  auto transport = std::make_unique<TlsTransport>(std::move(left_end), TlsSide::accepting,
                                                  end.credentials, "party1", soon());
  {
    FramedChannel channel(std::move(transport));
    std::vector<std::byte> message(1 << 20);
    try {
      channel.receive(message, kTag);
      ADD_FAILURE() << "altered bytes were believed";
    } catch (const ProtocolViolation& error) {
      EXPECT_THAT(error.what(), HasSubstr("TLS: decryption failed or bad record mac"));
    }
  }
  EXPECT_THROW(sending.get(), ChannelError);
}

}  // namespace
}  // namespace hush::mpc
