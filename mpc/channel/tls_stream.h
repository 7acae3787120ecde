// The bytes below TLS. OpenSSL's own socket BIO would raise SIGPIPE when the peer has gone, and a
// library must not meddle with its process's signals; this one says so in `gone` instead.
#pragma once

#include "mpc/channel/openssl_handles.h"

namespace hush::mpc {

struct TlsStream {
  int descriptor = -1;  // of a connected, non-blocking socket
  bool gone = false;    // the end of the stream, or a reset, has been seen
};

// Reads and writes `stream`, which must outlive it.
openssl::Bio make_stream_bio(TlsStream& stream);

}  // namespace hush::mpc
