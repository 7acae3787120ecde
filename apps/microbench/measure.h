// Stop watches of a benchmark of several parties.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>

#include "mpc/channel/channel.h"

namespace hush::apps {

// What one party spent on a piece of work.
struct Usage {
  double begin = 0, end = 0;  // seconds of the clock that all processes of a machine share
  double cpu = 0;             // seconds of this thread
  mpc::Traffic before, after;
};

// Rounds are the advance of the later of both clocks.
inline std::uint64_t rounds_of(const Usage& a, const Usage& b) {
  return std::max(a.after.rounds, b.after.rounds) - std::max(a.before.rounds, b.before.rounds);
}
// From the first to begin until the last to end.
inline double wall_of(const Usage& a, const Usage& b) {
  return std::max(a.end, b.end) - std::min(a.begin, b.begin);
}
inline std::uint64_t bytes_of(const Usage& usage) {
  return usage.after.bytes_sent - usage.before.bytes_sent;
}

inline double clock_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// A word each way, so that both begin and end together; not counted below.
inline void meet(mpc::Channel& peer) {
  std::uint64_t mine = 0, theirs = 0;
  peer.exchange_arrays(std::span(&mine, 1), std::span(&theirs, 1), mpc::Tag{0x03f1});
}

// Time and traffic of `body` on `channel`.
template <class Body>
Usage measure(mpc::Channel& channel, Body body) {
  Usage usage;
  usage.before = channel.traffic();
  usage.begin = clock_seconds(CLOCK_MONOTONIC);
  const double cpu = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
  body();
  usage.end = clock_seconds(CLOCK_MONOTONIC);
  usage.cpu = clock_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
  usage.after = channel.traffic();
  return usage;
}

// Tells the peer; returns what it spent.
inline Usage swap_usage(mpc::Channel& peer, const Usage& mine) {
  Usage theirs;
  peer.exchange_arrays(std::span(&mine, 1), std::span(&theirs, 1), mpc::Tag{0x03f2});
  return theirs;
}

}  // namespace hush::apps
