// Products of two parties' private numbers, by oblivious transfer of their bits.
//
// Functionality over Z_2^w, 1 <= w <= 64: for each element the sender gives x, the receiver y of
// `bits` <= w bits; they get random a and c with a + c = x·y mod 2^w. Nobody learns more.
// bits = w multiplies ring elements, bits = 1 a ring element by a bit.
//
// Source: Gilboa, "Two Party RSA Key Generation" (CRYPTO 1999, section 4.1), with correlated OT and
// shrinking widths as in Demmler, Schneider, Zohner, "ABY" (NDSS 2015, section III-A5).
//
// How: y = sum of y_j·2^j. For each bit j a correlated OT over Z_2^(w−j) (see ring_ot.h; the higher
// bits vanish when multiplied by 2^j) gives the parties r_j and r_j + y_j·x. Then
//   a = −sum of r_j·2^j,   c = sum of (r_j + y_j·x)·2^j.
//
// Conversation, per batch of at most kOtBatch transfers:
//   receiver  the messages of random_ot.h, 16/k bytes a bit of y
//   sender    per chunk of m elements: for each j, m values of w − j bits:
//             bits·w − bits·(bits − 1)/2 bits an element, 260 bytes for bits = w = 64.
// Two rounds a batch. A chunk takes as many whole groups of 64 elements as fit kOtChunk transfers;
// elements that fill up the last group take part in the first message with y = 0, and not in the
// second.
#pragma once

#include <cstdint>
#include <span>

#include "mpc/ot/random_ot.h"

namespace hush::mpc {

OtCost gilboa_cost(OtExtension extension, std::uint64_t count, unsigned width, unsigned bits);

// One element a word. Input bits above `width` (above `bits` for y) are ignored, output bits above
// `width` are zero. Both parties give the same width and bits.
void gilboa_send(OtSender& sender, unsigned width, unsigned bits, std::span<const std::uint64_t> x,
                 std::span<std::uint64_t> a);
void gilboa_receive(OtReceiver& receiver, unsigned width, unsigned bits,
                    std::span<const std::uint64_t> y, std::span<std::uint64_t> c);

}  // namespace hush::mpc
