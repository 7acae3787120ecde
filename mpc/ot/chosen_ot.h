// Chosen OT: the sender chooses both messages.
//
// Functionality: the sender gives (x_0, x_1) and the receiver b for each transfer; the receiver
// gets x_b. The sender learns nothing of b, the receiver nothing of the other message.
// Messages are blocks, or `width`-bit values (1 <= width <= 64; 1 for bits), one in each word.
//
// Source: Beaver, "Precomputing Oblivious Transfer" (CRYPTO 1995), with the random OT already made
// for the receiver's bit, so that no correction of b is needed.
//
// Conversation, per batch of at most kOtBatch transfers:
//   receiver  the messages of random_ot.h                                16/k bytes a transfer
//   sender    per chunk of m <= kOtChunk: x_0 ^ h_0, then x_1 ^ h_1      2·ceil(m·width / 8) bytes
//             (width 128 for blocks); the receiver removes h_b.
// Two rounds a batch. Batches bound what a slow receiver must buffer.
#pragma once

#include <cstdint>
#include <span>

#include "mpc/ot/random_ot.h"

namespace hush::mpc {

// `width` is 128 for blocks.
OtCost chosen_ot_cost(OtExtension extension, std::uint64_t count, unsigned width);

void chosen_ot_send(OtSender& sender, std::span<const Block> zero, std::span<const Block> one);
void chosen_ot_receive(OtReceiver& receiver, std::span<const std::uint64_t> choices,
                       std::span<Block> chosen);

void chosen_ot_send(OtSender& sender, unsigned width, std::span<const std::uint64_t> zero,
                    std::span<const std::uint64_t> one);
void chosen_ot_receive(OtReceiver& receiver, unsigned width, std::span<const std::uint64_t> choices,
                       std::span<std::uint64_t> chosen);

}  // namespace hush::mpc
