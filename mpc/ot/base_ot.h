// Base oblivious transfers from public-key cryptography, on ristretto255.
//
// Source: Masny, Rindal, "Endemic Oblivious Transfer", CCS 2019 (ePrint 2019/706), figure 8, with
// Diffie-Hellman as the key agreement. Proven against malicious parties in the random-oracle model
// under the CDH assumption; extension above it is semi-honest, so this is more than it needs.
//
// Functionality (endemic, random OT): the sender learns two random keys for each transfer, the
// receiver the one that its bit chooses. The sender learns nothing of the bits, the receiver
// nothing of the other keys. Nobody chooses keys, which is all that seeds need.
//
// Conversation for n transfers, G the generator, H_0 and H_1 random oracles into the group:
//   receiver  for each i and its bit b: draws a secret scalar a and a random point r_(1-b), sets
//             r_b = a·G − H_b(r_(1-b)), and sends (r_0, r_1)                          64·n bytes
//   sender    draws one scalar y, sends y·G                                             32 bytes
//             and takes KDF(y·(r_c + H_c(r_(1-c)))) for c = 0 and 1
//   receiver  takes KDF(a·y·G)
// The two messages do not depend on each other. Both r_0 and r_1 are uniform whatever b is, which
// hides b perfectly; to know both keys a receiver would have to know two discrete logarithms of
// points that hash into each other. One y serves all n transfers, as the KDF takes i, c and the
// whole transcript of transfer i.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/channel/channel.h"
#include "mpc/ot/block.h"
#include "mpc/ot/generator.h"
#include "mpc/ot/ot_cost.h"

namespace hush::mpc {

constexpr OtCost base_ot_cost(std::size_t count) {
  return {32, 64 * count, 1};
}

// Both return a public hash of the conversation, equal for both parties and new in every session.
// Throw ProtocolViolation if the peer sends an invalid point.
Block base_ot_send(Channel& channel, Generator& generator, std::span<std::array<Block, 2>> keys);

// `choices` is a packed bit vector of keys.size() bits.
Block base_ot_receive(Channel& channel, Generator& generator,
                      std::span<const std::uint64_t> choices, std::span<Block> keys);

}  // namespace hush::mpc
