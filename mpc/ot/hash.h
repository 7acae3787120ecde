// Correlation-robust hashing from AES with few keys.
//
// Source: Guo, Katz, Wang, Yu, "Efficient and Secure Multiparty Computation from Fixed-Key Block
// Ciphers", IEEE S&P 2020 (ePrint 2019/074):
//   section 7.2  MMO  H(x)    = π(x) ^ x                 correlation robust
//   section 7.4  TMMO H(x, i) = π(π(x) ^ i) ^ π(x)       tweakable circular correlation robust
// OT extension against semi-honest parties needs MMO: with q_i and the secret delta, H(q_i ^ delta)
// looks random to who knows q_i. TMMO gives one correlation any number of independent pads.
//
// Concrete security: hashing Q times under one permutation costs log2(Q) of the 128 bits. So π is
// not AES under one constant key but under key ^ batch, fresh for each session and each chunk of
// transfers (the multi-instance remedy of Guo, Katz, Wang, Weng, Yu, "Better Concrete Security for
// Half-Gates Garbling", CRYPTO 2020, section 4.2, in the ideal-cipher model). With at most 2^14
// hashes a chunk that leaves 114 bits however many transfers follow; the pads of one chunk of
// matrix products may be 2^24, which leaves 104.
#pragma once

#include <cstdint>
#include <span>

#include "mpc/ot/aes.h"
#include "mpc/ot/block.h"

namespace hush::mpc {

class CorrelationRobustHash {
 public:
  // `session_key` is public, but must differ between sessions; both parties hold the same.
  explicit CorrelationRobustHash(Block session_key) : session_key_(session_key) { start_batch(0); }

  // Selects the permutation of batch number `batch`.
  void start_batch(std::uint64_t batch) {
    aes_kernels().expand(session_key_ ^ Block{batch, 0}, permutation_);
  }

  // out[i] = MMO(in[i] ^ offset). Equal sizes; `out` may be `in`.
  void hash(std::span<const Block> in, Block offset, std::span<Block> out) const {
    aes_kernels().mmo(permutation_, in.data(), offset, out.data(), out.size());
  }

  // TMMO of one correlation for many tweaks, in two steps. First out[i] = π(in[i] ^ offset), then
  // pads[i] = TMMO(x, i) for the x behind one such value. Equal sizes; `out` may not be `in`.
  void permute(std::span<const Block> in, Block offset, std::span<Block> out) const;
  void expand(Block permuted, std::span<Block> pads) const;

 private:
  Block session_key_;
  AesKey permutation_;
};

}  // namespace hush::mpc
