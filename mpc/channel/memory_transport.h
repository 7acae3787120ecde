// Two ends joined by memory, for two parties in two threads of one process: tests and simulation.
//
// Each direction is a ring buffer of one writer and one reader, as small as a socket's, so that
// what would deadlock over TCP deadlocks here too. Copying takes no lock; the mutex serves only to
// put an end to sleep and to wake it.
#pragma once

#include <memory>
#include <utility>

#include "mpc/channel/transport.h"

namespace hush::mpc {

inline constexpr std::size_t kMemoryRing = 1 << 20;  // bytes in flight each way

// Destroying one end closes the connection: the other reads what is left, then gets PeerClosed.
std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>> make_memory_transports();

}  // namespace hush::mpc
