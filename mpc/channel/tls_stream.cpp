#include "mpc/channel/tls_stream.h"

#include <sys/socket.h>

#include <cerrno>

#include "core/error.h"

namespace hush::mpc {
namespace {

bool temporary(int error) {
  return error == EAGAIN || error == EINTR;
}

int stream_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *written = 0;
  if (stream.waiting.size() >= kGathered && !stream.send_gathered()) {
    BIO_set_retry_write(bio);
    return 0;
  }
  if (stream.gone) return 0;
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  stream.waiting.insert(stream.waiting.end(), bytes, bytes + size);
  *written = size;
  return 1;
}

int stream_read(BIO* bio, char* data, std::size_t size, std::size_t* read) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t count = recv(stream.descriptor, data, size, 0);
  *read = count > 0 ? static_cast<std::size_t>(count) : 0;
  if (count < 0 && temporary(errno))
    BIO_set_retry_read(bio);
  else if (count <= 0)
    stream.gone = true;
  return count > 0 ? 1 : 0;
}

long stream_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  if (command == BIO_CTRL_EOF) return stream.gone ? 1 : 0;
  if (command != BIO_CTRL_FLUSH) return 0;
  BIO_clear_retry_flags(bio);
  if (stream.send_gathered()) return stream.gone ? -1 : 1;
  BIO_set_retry_write(bio);
  return -1;
}

int stream_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* make_stream_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hush stream");
  if (method == nullptr || BIO_meth_set_write_ex(method, &stream_write) != 1 ||
      BIO_meth_set_read_ex(method, &stream_read) != 1 ||
      BIO_meth_set_ctrl(method, &stream_control) != 1 ||
      BIO_meth_set_create(method, &stream_create) != 1)
    throw Error("OpenSSL could not make a BIO method");
  return method;
}

}  // namespace

bool TlsStream::send_gathered() {
  while (sent < waiting.size() && !gone) {
    const ssize_t count = send(descriptor, &waiting[sent], waiting.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && temporary(errno)) return false;
    if (count < 0)
      gone = true;
    else
      sent += static_cast<std::size_t>(count);
  }
  waiting.clear();
  sent = 0;
  return true;
}

openssl::Bio make_stream_bio(TlsStream& stream) {
  // Kept for the life of the process, as OpenSSL requires.
  static const BIO_METHOD* const method = make_stream_method();
  openssl::Bio bio(BIO_new(method));
  if (!bio) throw Error("OpenSSL could not make a BIO");
  BIO_set_data(bio.get(), &stream);
  return bio;
}

}  // namespace hush::mpc
