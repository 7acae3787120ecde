#include "mpc/channel/tls_transport.h"

#include <fmt/ranges.h>

#include <exception>
#include <utility>

#include "mpc/channel/openssl_handles.h"
#include "mpc/channel/tls_stream.h"

namespace hush::mpc {
namespace {

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;
using openssl::SslContext;

constexpr std::size_t kReadBuffer = 128 << 10;  // bytes: several records in one system call

// A key file with a password must fail, not stop and ask at the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

template <class Object, class Read>
Object from_pem(const std::string& pem, const char* what, Read read) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Object object(bio ? read(bio.get(), nullptr, &no_password, nullptr) : nullptr);
  if (!object)
    throw ArgumentError(fmt::format("{} is not valid PEM: {}", what, openssl::take_error()));
  return object;
}

void check_setup(bool success) {
  if (!success) throw ArgumentError(fmt::format("cannot set up TLS: {}", openssl::take_error()));
}

SslContext make_context(const TlsCredentials& credentials,
                        const std::vector<std::string>& expected_peers) {
  const auto certificate =
      from_pem<Certificate>(credentials.certificate, "certificate", &PEM_read_bio_X509);
  const auto authority =
      from_pem<Certificate>(credentials.authority, "authority's certificate", &PEM_read_bio_X509);
  const auto key = from_pem<Key>(credentials.key, "private key", &PEM_read_bio_PrivateKey);
  SslContext context(SSL_CTX_new(TLS_method()));
  SSL_CTX* const raw = context.get();
  check_setup(raw != nullptr);
  check_setup(SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1 &&
              SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 &&
              SSL_CTX_set_ciphersuites(raw,
                                       "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                       "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
              SSL_CTX_set_num_tickets(raw, 0) == 1);
  check_setup(SSL_CTX_use_certificate(raw, certificate.get()) == 1 &&
              SSL_CTX_use_PrivateKey(raw, key.get()) == 1 && SSL_CTX_check_private_key(raw) == 1 &&
              X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), authority.get()) == 1);
  X509_VERIFY_PARAM* const verification = SSL_CTX_get0_param(raw);
  X509_VERIFY_PARAM_set_hostflags(
      verification, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  require(!expected_peers.empty(), "TLS: nobody is expected");
  for (const std::string& name : expected_peers)
    check_setup(!name.empty() &&
                X509_VERIFY_PARAM_add1_host(verification, name.data(), name.size()) == 1);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_read_buffer_len(raw, kReadBuffer);
  SSL_CTX_set_read_ahead(raw, 1);
  return context;
}

}  // namespace

class TlsTransport::Connection {
 public:
  Connection(Socket socket, TlsSide side, const TlsCredentials& credentials,
             const std::vector<std::string>& expected_peers)
      : socket_(std::move(socket)),
        stream_{socket_.descriptor()},
        name_(fmt::format("{} at {}", fmt::join(expected_peers, " or "), socket_.peer())),
        context_(make_context(credentials, expected_peers)),
        ssl_(SSL_new(context_.get())) {
    check_setup(ssl_ != nullptr);
    BIO* const bio = make_stream_bio(stream_).release();
    SSL_set_bio(ssl_.get(), bio, bio);
    if (side == TlsSide::connecting)
      SSL_set_connect_state(ssl_.get());
    else
      SSL_set_accept_state(ssl_.get());
  }

  // Tells the peer that the stream ends here on purpose, if that needs no waiting.
  ~Connection() {
    if (!failure_ && SSL_shutdown(ssl_.get()) >= 0) stream_.send_gathered();
    ERR_clear_error();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void shake_hands(TlsSide side, Clock::time_point deadline) {
    std::byte confirmation{1};
    std::size_t count = 0;
    complete(deadline, [&] { return SSL_do_handshake(ssl_.get()); });
    if (side == TlsSide::accepting)
      complete(deadline, [&] { return SSL_write_ex(ssl_.get(), &confirmation, 1, &count); });
    else
      complete(deadline, [&] { return SSL_read_ex(ssl_.get(), &confirmation, 1, &count); });
    while (!stream_.send_gathered()) {
      if (Clock::now() >= deadline)
        throw Timeout(fmt::format("TLS handshake with {}: it does not read", name_));
      socket_.wait({.read = false, .write = true}, deadline);
    }
    open_ = true;
    if (const char* const name = SSL_get0_peername(ssl_.get())) peer_name_ = name;
    name_ = fmt::format("{} at {}", peer_name_, socket_.peer());
  }

  std::size_t write(std::span<const std::byte> bytes) {
    std::size_t done = 0;
    std::size_t count = 0;
    while (done < bytes.size() && attempt([&] {
             return SSL_write_ex(ssl_.get(), &bytes[done], bytes.size() - done, &count);
           }))
      done += count;
    rethrow_failure();
    return done;
  }

  std::size_t read(std::span<std::byte> out) {
    std::size_t done = 0;
    std::size_t count = 0;
    while (done < out.size() &&
           attempt([&] { return SSL_read_ex(ssl_.get(), &out[done], out.size() - done, &count); }))
      done += count;
    // What came before the end of the stream is not lost: the failure waits for the next call.
    if (done == 0) rethrow_failure();
    return done;
  }

  bool flush() {
    rethrow_failure();
    const bool done = stream_.send_gathered();
    if (stream_.gone) {
      failure_ = explain(SSL_ERROR_SYSCALL);
      rethrow_failure();
    }
    return done;
  }

  void wait(Interest interest, Clock::time_point deadline) const {
    // TLS has messages of its own, so either direction may need the other.
    interest.read |= wanted_.read;
    interest.write |= wanted_.write;
    socket_.wait(interest, deadline);
  }

  const std::string& name() const { return name_; }
  const std::string& peer_name() const { return peer_name_; }

 private:
  // Calls OpenSSL once, unless the connection has failed. False if it would block, and wanted_
  // says on what, or if it failed, and failure_ says why.
  template <class Call>
  bool attempt(Call call) {
    if (failure_) return false;
    ERR_clear_error();
    const int result = call();
    wanted_ = {};
    if (result > 0) return true;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ)
      wanted_.read = true;
    else if (error == SSL_ERROR_WANT_WRITE)
      wanted_.write = true;
    else
      failure_ = explain(error);
    return false;
  }

  template <class Call>
  void complete(Clock::time_point deadline, Call call) {
    while (!attempt(call)) {
      rethrow_failure();
      if (Clock::now() >= deadline)
        throw Timeout(fmt::format("TLS handshake with {}: no answer in time", name_));
      socket_.wait(wanted_, deadline);
    }
  }

  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

  std::exception_ptr explain(int error) const {
    const long verdict = SSL_get_verify_result(ssl_.get());
    const std::string reason = openssl::take_error();
    if (!open_ && verdict != X509_V_OK)
      return std::make_exception_ptr(
          AuthenticationError(fmt::format("TLS: the certificate of {} is refused: {}", name_,
                                          X509_verify_cert_error_string(verdict))));
    if (error == SSL_ERROR_ZERO_RETURN || stream_.gone)
      return std::make_exception_ptr(
          PeerClosed(open_ ? "the peer has closed the connection"
                           : fmt::format("{} closed during the TLS handshake", name_)));
    if (!open_)
      return std::make_exception_ptr(
          AuthenticationError(fmt::format("TLS handshake with {}: {}", name_, reason)));
    return std::make_exception_ptr(ProtocolViolation(fmt::format("TLS: {}", reason)));
  }

  Socket socket_;
  TlsStream stream_;
  std::string name_;       // for messages
  std::string peer_name_;  // of the certificate, once the handshake is complete
  SslContext context_;
  openssl::Ssl ssl_;
  Interest wanted_;
  bool open_ = false;           // the handshake is complete
  std::exception_ptr failure_;  // of the first failed call; all later ones repeat it
};

TlsTransport::TlsTransport(Socket socket, TlsSide side, const TlsCredentials& credentials,
                           const std::string& expected_peer, Clock::time_point deadline)
    : TlsTransport(std::move(socket), side, credentials, std::vector{expected_peer}, deadline) {}

TlsTransport::TlsTransport(Socket socket, TlsSide side, const TlsCredentials& credentials,
                           const std::vector<std::string>& expected_peers,
                           Clock::time_point deadline)
    : connection_(
          std::make_unique<Connection>(std::move(socket), side, credentials, expected_peers)) {
  connection_->shake_hands(side, deadline);
}

TlsTransport::~TlsTransport() = default;

std::size_t TlsTransport::try_write(std::span<const std::byte> first,
                                    std::span<const std::byte> second) {
  const std::size_t count = connection_->write(first);
  return count < first.size() ? count : count + connection_->write(second);
}

bool TlsTransport::try_flush() {
  return connection_->flush();
}

std::size_t TlsTransport::try_read(std::span<std::byte> out) {
  return connection_->read(out);
}

void TlsTransport::wait(Interest interest, Clock::time_point deadline) {
  connection_->wait(interest, deadline);
}

std::string TlsTransport::peer() const {
  return connection_->name();
}

const std::string& TlsTransport::peer_name() const {
  return connection_->peer_name();
}

}  // namespace hush::mpc
