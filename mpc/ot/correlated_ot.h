// Correlated OT extension: from 128 base OTs, any number of transfers by symmetric cryptography.
//
// Functionality: the sender holds a secret delta of 128 bits. For each transfer i the receiver
// gives a bit b_i; the sender gets a block q_i, the receiver t_i = q_i ^ b_i·delta. The sender
// learns nothing of b_i; the receiver learns nothing of delta (beyond what hashing hides: use
// random_ot.h for pads). Secure against semi-honest parties, computational security 128 bits.
//
// Source: Roy, "SoftSpokenOT" (CRYPTO 2022, ePrint 2022/192), section 3.1 (VOLE over a small field)
// and 3.2 with the repetition code. With k = 1 the protocol *is* IKNP: Ishai, Kilian, Nissim,
// Petrank, "Extending Oblivious Transfers Efficiently" (CRYPTO 2003, section 3), in the streamed
// form of Asharov, Lindell, Schneider, Zohner (CCS 2013, section 5.3). So one code serves both.
//
// How: the bits of delta are cut into 128/k numbers d_c < 2^k. For each c the receiver holds 2^k
// seeds, the sender all but one of them (punctured_prf.h), in the order that makes seed number x of
// the receiver number x ^ d_c of the sender, the missing one being 0. Let r_x be the bit stream of
// seed x (AES in counter mode). The receiver computes
//   u = xor of all r_x        and, for each j < k,  v_j = xor of the r_x whose x has bit j set,
// the sender w_j = the same over its order, for which seed 0 is not needed. Then, bit for bit,
//   w_j = v_j ^ (bit j of d_c)·u.
// The receiver sends u ^ b, whereupon the sender adds (bit j of d_c)·(u ^ b) and has
//   w_j = v_j ^ (bit j of d_c)·b:  column c·k + j of the wanted correlation.
// Transposing the 128 columns gives the rows q_i and t_i.
//
// Conversation:
//   set-up      base OTs, in which this protocol's sender is the receiver (8192 bytes) and this
//               protocol's receiver the sender (32 bytes and 32·(k − 1)·128/k of tree corrections)
//   per chunk   receiver → sender: u ^ b for each c, 128/k columns of ceil(m / 128) blocks for m
//               transfers; 16/k bytes a transfer. No reply.
// Work in AES blocks a transfer: 2^k/k for the receiver, (2^k − 1)/k for the sender.
//
// Chunks of at most kOtChunk transfers keep columns and rows inside a 1 MB L2 cache. Both parties
// must ask for the same sequence of counts: the streams advance by whole units of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/channel/channel.h"
#include "mpc/ot/aes.h"
#include "mpc/ot/block.h"
#include "mpc/ot/generator.h"
#include "mpc/ot/ot_cost.h"
#include "mpc/ot/secret_array.h"

namespace hush::mpc {

// The value is k. More k, fewer bytes, more AES: 16/k bytes and about 2^k/k blocks a transfer.
enum class OtExtension : std::uint8_t {
  kIknp = 1,
  kSoftSpoken2 = 2,
  kSoftSpoken4 = 4,
  kSoftSpoken8 = 8,
};

inline constexpr std::size_t kOtChunk = 8192;  // most transfers in one message

// Cost of setting up, and then of `count` transfers in calls whose counts are multiples of 128
// except for the last.
OtCost cot_setup_cost(OtExtension extension);
OtCost cot_cost(OtExtension extension, std::uint64_t count);

class CotSender {
 public:
  // Draws delta and runs the set-up. The channel must outlive the sender.
  CotSender(Channel& channel, Generator& generator, OtExtension extension);

  // Receives one chunk of count <= kOtChunk transfers; returns its q. Valid until the next call.
  std::span<const Block> next_chunk(std::size_t count);

  // Any number of transfers, chunk by chunk.
  void extend(std::span<Block> q);

  Block delta() const { return delta_[0]; }
  // Public, equal on both sides, and new in every session.
  Block session() const { return session_; }
  Channel& channel() { return channel_; }

 private:
  Channel& channel_;
  unsigned depth_;
  AesFold fold_;
  Block session_;
  std::uint64_t counter_ = 0;
  SecretArray<Block> delta_;
  SecretArray<AesKey> leaves_;
  SecretArray<Block> columns_;
  SecretArray<Block> rows_;
  SecretArray<Block> message_;
};

class CotReceiver {
 public:
  CotReceiver(Channel& channel, Generator& generator, OtExtension extension);

  // Sends one chunk of count <= kOtChunk transfers with the given packed choice bits; returns its
  // t. Valid until the next call. The last message leaves by the flush contract of the channel.
  std::span<const Block> next_chunk(std::span<const std::uint64_t> choices, std::size_t count);

  // Any number of transfers, chunk by chunk, and flushes.
  void extend(std::span<const std::uint64_t> choices, std::span<Block> t);

  Block session() const { return session_; }
  Channel& channel() { return channel_; }

 private:
  Channel& channel_;
  unsigned depth_;
  AesFold fold_;
  Block session_;
  std::uint64_t counter_ = 0;
  SecretArray<AesKey> leaves_;
  SecretArray<Block> columns_;
  SecretArray<Block> rows_;
  SecretArray<Block> message_;
};

}  // namespace hush::mpc
