// What can go wrong between two parties. Every failure of a channel is one of these, so that a
// caller can tell a dead peer from a silent one and both from one that speaks another protocol.
// After any of them the channel is unusable: the two ends no longer agree on what was said.
#pragma once

#include "core/error.h"

namespace hush::mpc {

struct ChannelError : Error {
  using Error::Error;
};

// The peer closed the connection or died, or the operating system reports it reset.
struct PeerClosed : ChannelError {
  using ChannelError::ChannelError;
};

// No whole frame moved within the time limit, or nobody answered at the address.
struct Timeout : ChannelError {
  using ChannelError::ChannelError;
};

// The peer sent bytes that the protocol does not allow here: damaged, replayed, reordered or
// oversize frames, or a message of another step.
struct ProtocolViolation : ChannelError {
  using ChannelError::ChannelError;
};

// Both ends speak the protocol but not about the same session: the version, roles, graph,
// options or session id differ. The message names every item that does.
struct SessionMismatch : ChannelError {
  using ChannelError::ChannelError;
};

// TLS refused the peer, or the peer refused us: foreign, expired or wrongly named certificate.
struct AuthenticationError : ChannelError {
  using ChannelError::ChannelError;
};

// An address that cannot be resolved, bound or reached, or that needs TLS.
struct ConnectionError : ChannelError {
  using ChannelError::ChannelError;
};

}  // namespace hush::mpc
