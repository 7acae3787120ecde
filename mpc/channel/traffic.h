// What a channel has carried, in numbers that depend on the protocol alone and never on timing, so
// that a test may compare a prediction with them exactly.
#pragma once

#include <cstdint>

namespace hush::mpc {

// Counted since the channel was made. Take one before a protocol and subtract it afterwards:
//   const Traffic before = channel.traffic();  …  const Traffic cost = channel.traffic() - before;
struct Traffic {
  std::uint64_t bytes_sent = 0;         // payload bytes: frame headers and TLS are not counted
  std::uint64_t bytes_received = 0;     // payload bytes of completed receives
  std::uint64_t messages_sent = 0;      // one per send or exchange, whatever its size
  std::uint64_t messages_received = 0;  // one per receive or exchange

  // Round complexity as the literature means it: the length of the longest chain of messages in
  // which each was sent after the one before it had been received. Network latency costs
  // rounds × one-way delay. Kept as a logical clock (Lamport, CACM 21(7), 1978): a party at time
  // t stamps what it sends with t + 1 and, on receiving a stamp s, goes to max(t, s). Hence
  //   - an exchange, or send and receive in either order on both sides, is 1 round for both;
  //   - any number of sends with no receive between them belong to one round;
  //   - a message one way is 1 round for its receiver and 0 for its sender;
  //   - question and answer are 2 rounds for who asked and 1 for who answered.
  // The rounds of a whole protocol are the larger figure of the two parties.
  std::uint64_t rounds = 0;

  friend bool operator==(const Traffic&, const Traffic&) = default;

  friend Traffic operator-(const Traffic& after, const Traffic& before) {
    return {after.bytes_sent - before.bytes_sent, after.bytes_received - before.bytes_received,
            after.messages_sent - before.messages_sent,
            after.messages_received - before.messages_received, after.rounds - before.rounds};
  }
};

}  // namespace hush::mpc
