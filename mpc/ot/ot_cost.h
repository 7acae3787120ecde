// What a protocol of this folder promises to cost. The tests compare it with the channel's
// counters, byte for byte.
#pragma once

#include <cstdint>

namespace hush::mpc {

struct OtCost {
  std::uint64_t sender_bytes = 0;    // payload bytes that the OT sender sends
  std::uint64_t receiver_bytes = 0;  // payload bytes that the OT receiver sends
  std::uint64_t rounds = 0;          // as Traffic::rounds, the larger of the two parties

  friend bool operator==(const OtCost&, const OtCost&) = default;
};

}  // namespace hush::mpc
