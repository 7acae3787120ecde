// The bytes below TLS. OpenSSL's own socket BIO would raise SIGPIPE when the peer has gone, and a
// library must not meddle with its process's signals; this one says so in `gone` instead.
//
// Records are gathered: OpenSSL writes 16 KiB at a time, and a system call for each costs as much
// as encrypting it. They leave when kGathered bytes are waiting, or with `send_gathered`.
#pragma once

#include <cstddef>
#include <vector>

#include "mpc/channel/openssl_handles.h"

namespace hush::mpc {

struct TlsStream {
  int descriptor = -1;               // of a connected, non-blocking socket
  bool gone = false;                 // the end of the stream, or a reset, has been seen
  std::vector<std::byte> waiting{};  // records that have not left, from `sent` on
  std::size_t sent = 0;

  // Hands what waits to the operating system. True when nothing is left; also when the peer has
  // gone, and what waits is of no use any more.
  bool send_gathered();
};

inline constexpr std::size_t kGathered = 128 << 10;

// Reads and writes `stream`, which must outlive it.
openssl::Bio make_stream_bio(TlsStream& stream);

}  // namespace hush::mpc
