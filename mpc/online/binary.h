// Between the two kinds of sharing: words mod 2^64 (arithmetic) and words under exclusive or
// (binary, one word an element).
//
// arithmetic_to_binary is the whole 64-bit addition of both parties' words in a parallel prefix
// adder (Sklansky, IRE Trans. EC-9, 1960), with every AND a bit triple: what CrypTen does (Knott et
// al., NeurIPS 2021, section 4.3), kept as the faithful baseline. 7 rounds, 208 bytes an element,
// 13 words of triples. Each party learns masked bits, uniform.
#pragma once

#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

// z = x & y on binary shares. Message: x ⊕ a, then y ⊕ b. 1 round, 16 bytes a word. (Beaver's
// triples over bits.) Offline: one word of triples a word.
Conversation and_words(Party& party, std::span<const std::uint64_t> x,
                       std::span<const std::uint64_t> y, std::span<std::uint64_t> z);

// y = binary shares of x.
Conversation arithmetic_to_binary(Party& party, std::span<const Ring> x,
                                  std::span<std::uint64_t> y);
Cost predict_arithmetic_to_binary(std::size_t count);
void demand_arithmetic_to_binary(Demand& demand, std::size_t count);

// y = arithmetic shares of the binary words x: opens x masked by random bits that are known in both
// worlds, bit by bit. Message: x ⊕ bits. 1 round, 8 bytes a word. Offline: 64 bit pairs a word.
Conversation binary_to_arithmetic(Party& party, std::span<const std::uint64_t> x,
                                  std::span<Ring> y);
Cost predict_binary_to_arithmetic(std::size_t count);
void demand_binary_to_arithmetic(Demand& demand, std::size_t count);

// y[i] = the ring element 0 or 1 of packed bit i. Message: bits, masked. 1 round, 1 bit each.
// With `word_a_bit` each bit travels in a word of its own, as in CrypTen: 8 bytes.
Conversation bits_to_ring(Party& party, std::span<const std::uint64_t> bits, std::span<Ring> y,
                          bool word_a_bit = false);
Cost predict_bits_to_ring(std::size_t count, bool word_a_bit = false);
void demand_bits_to_ring(Demand& demand, std::size_t count);

}  // namespace hush::mpc
