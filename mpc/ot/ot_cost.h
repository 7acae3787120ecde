// What a protocol of this folder promises to cost. The tests compare it with the channel's
// counters, byte for byte.
#pragma once

#include <cstdint>

namespace hush::mpc {

struct OtCost {
  std::uint64_t sender_bytes = 0;    // payload bytes that the OT sender sends
  std::uint64_t receiver_bytes = 0;  // payload bytes that the OT receiver sends
  // Advance of the later of both parties' clocks (Traffic::rounds). A protocol that the receiver
  // opens while it was speaking anyway shares that round, and costs one less.
  std::uint64_t rounds = 0;

  friend bool operator==(const OtCost&, const OtCost&) = default;
};

}  // namespace hush::mpc
