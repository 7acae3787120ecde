// Random OT: correlated OT with its correlation hashed away.
//
// Functionality: for each transfer i, in which the receiver gives a bit b_i, the sender gets two
// random blocks (h_0, h_1) and the receiver h_b. Neither learns more.
//
// Source: the last step of Ishai, Kilian, Nissim, Petrank (CRYPTO 2003, section 3):
//   h_0 = H(q_i), h_1 = H(q_i ^ delta), and the receiver's h_b = H(t_i),
// with H correlation robust (hash.h), re-keyed for each chunk. No message beyond those of
// correlated_ot.h, hence 16/k bytes a transfer and one round for any number of transfers.
//
// The other flavours (chosen_ot.h, ring_ot.h, gilboa.h) use these blocks as one-time pads.
#pragma once

#include <cstdint>
#include <span>

#include "mpc/ot/correlated_ot.h"
#include "mpc/ot/hash.h"

namespace hush::mpc {

// Protocols with a reply from the sender let the receiver send this many chunks before it waits for
// the reply to the first: few enough to be buffered, enough to hide the latency.
inline constexpr std::size_t kOtBatchChunks = 128;
inline constexpr std::size_t kOtBatch = kOtBatchChunks * kOtChunk;

// Rounds of such a protocol that takes `chunks` chunks.
constexpr std::uint64_t batch_rounds(std::uint64_t chunks) {
  return 2 * ((chunks + kOtBatchChunks - 1) / kOtBatchChunks);
}

// Sender's pads of one chunk: one[i] goes with choice 1.
struct PadPair {
  std::span<const Block> zero;
  std::span<const Block> one;
};

class OtSender {
 public:
  // Runs the set-up: cot_setup_cost(extension).
  OtSender(Channel& channel, Generator& generator, OtExtension extension);

  // Takes part in one chunk of count <= kOtChunk transfers. Valid until the next call.
  PadPair next_chunk(std::size_t count);

  // Any number of transfers. zero.size() == one.size().
  void random(std::span<Block> zero, std::span<Block> one);

  // Random OT of `count` single bits, packed: the first bit of each block above. An OT triple for
  // AND gates: with y_i = zero_i ^ one_i, the bits zero_i and the receiver's bits are shares of
  // b_i·y_i.
  void random_bits(std::size_t count, std::span<std::uint64_t> zero, std::span<std::uint64_t> one);

  // For protocols that hash in their own way: the correlations of one chunk, hash() being re-keyed
  // for it. Use either this or next_chunk for a chunk.
  std::span<const Block> next_correlations(std::size_t count);
  const CorrelationRobustHash& hash() const { return hash_; }
  Block delta() const { return cot_.delta(); }

  Channel& channel() { return cot_.channel(); }

 private:
  CotSender cot_;
  CorrelationRobustHash hash_;
  std::uint64_t batch_ = 0;
  SecretArray<Block> zero_;
  SecretArray<Block> one_;
};

class OtReceiver {
 public:
  OtReceiver(Channel& channel, Generator& generator, OtExtension extension);

  // One chunk with the given packed choice bits. Valid until the next call. Does not flush.
  std::span<const Block> next_chunk(std::span<const std::uint64_t> choices, std::size_t count);

  void random(std::span<const std::uint64_t> choices, std::span<Block> chosen);
  void random_bits(std::span<const std::uint64_t> choices, std::size_t count,
                   std::span<std::uint64_t> chosen);

  // As OtSender::next_correlations.
  std::span<const Block> next_correlations(std::span<const std::uint64_t> choices,
                                           std::size_t count);
  const CorrelationRobustHash& hash() const { return hash_; }

  Channel& channel() { return cot_.channel(); }

 private:
  CotReceiver cot_;
  CorrelationRobustHash hash_;
  std::uint64_t batch_ = 0;
  SecretArray<Block> chosen_;
};

// Cost of `count` random OTs, of blocks or of bits.
inline OtCost random_ot_cost(OtExtension extension, std::uint64_t count) {
  return cot_cost(extension, count);
}

}  // namespace hush::mpc
