// What a protocol promises to cost, exactly; the tests compare it with the channel's counters.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "mpc/ot/block.h"

namespace hush::mpc {

struct Cost {
  std::uint64_t rounds = 0;  // as Traffic::rounds, the larger figure of the two parties
  std::array<std::uint64_t, 2> bytes_sent{};  // payload, by party

  friend bool operator==(const Cost&, const Cost&) = default;
};

// One round in which each party sends `bytes`.
constexpr Cost exchange_cost(std::uint64_t bytes) {
  return bytes == 0 ? Cost{} : Cost{1, {bytes, bytes}};
}

// One after the other.
constexpr Cost operator+(const Cost& a, const Cost& b) {
  return {a.rounds + b.rounds,
          {a.bytes_sent[0] + b.bytes_sent[0], a.bytes_sent[1] + b.bytes_sent[1]}};
}

// Side by side, sharing messages (converse of several conversations).
constexpr Cost together(const Cost& a, const Cost& b) {
  const Cost sum = a + b;
  return {std::max(a.rounds, b.rounds), sum.bytes_sent};
}

// Bytes of `count` ring elements, and of `count` packed bits, which travel in whole words.
constexpr std::uint64_t ring_bytes(std::size_t count) {
  return 8 * std::uint64_t{count};
}
constexpr std::uint64_t packed_bit_bytes(std::size_t count) {
  return 8 * bit_words(count);
}

}  // namespace hush::mpc
