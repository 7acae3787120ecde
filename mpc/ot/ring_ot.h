// Correlated OT over a ring: the sender chooses the difference of the two messages.
//
// Functionality over Z_2^w, 1 <= w <= 64: for each transfer the sender gives x and gets a random r,
// the receiver gives a bit b and gets r + b·x. For w = 1 (correlated bits, packed) + is xor. The
// sender learns nothing of b, the receiver nothing of x. So −r and r + b·x are shares of b·x.
//
// Source: Asharov, Lindell, Schneider, Zohner, "More Efficient Oblivious Transfer and Extensions
// for Faster Secure Computation" (CCS 2013, section 5.4), for any correlation "plus x".
//
// Conversation, per batch of at most kOtBatch transfers, with (h_0, h_1) and h_b from random_ot.h:
//   receiver  the messages of random_ot.h                               16/k bytes a transfer
//   sender    r = h_0; per chunk of m <= kOtChunk: d = x + h_0 − h_1    ceil(m·w / 8) bytes
//   receiver  outputs h_b + b·d.
// Two rounds a batch.
#pragma once

#include <cstdint>
#include <span>

#include "mpc/ot/random_ot.h"

namespace hush::mpc {

OtCost ring_ot_cost(OtExtension extension, std::uint64_t count, unsigned width);

// One ring element a word; the bits of x above `width` are ignored, those of the outputs are zero.
void ring_ot_send(OtSender& sender, unsigned width, std::span<const std::uint64_t> x,
                  std::span<std::uint64_t> r);
void ring_ot_receive(OtReceiver& receiver, unsigned width, std::span<const std::uint64_t> choices,
                     std::span<std::uint64_t> result);

// The same for w = 1 on packed bit vectors of `count` bits.
void bit_ot_send(OtSender& sender, std::size_t count, std::span<const std::uint64_t> x,
                 std::span<std::uint64_t> r);
void bit_ot_receive(OtReceiver& receiver, std::size_t count, std::span<const std::uint64_t> choices,
                    std::span<std::uint64_t> result);

}  // namespace hush::mpc
