// The distributed comparison function: two keys whose evaluations at a public point x add up to
//   β if x < α, else 0        (α secret, x < 2^n unsigned)
// while one key alone tells nothing of α and β.
//
// Source: Boyle, Chandran, Gilboa, Gupta, Ishai, Kumar, Rathee, "Function Secret Sharing for
// Mixed-Mode and Fixed-Point Secure Computation", EUROCRYPT 2021 (ePrint 2020/1392), figure 1.
// The generator of the tree is H(s) = π(s ^ tag) ^ s ^ tag with fixed-key AES π (Guo et al., S&P
// 2020); π's key is drawn freshly for each batch of keys, so that attacks on many instances at
// once gain nothing across batches.
//
// β is one bit, or 2 or 4 ring elements. For one bit the value fits into the block that expands a
// node (one AES call a level instead of two), and the last 7 levels are one block of 128 answers
// (early termination; Boyle, Gilboa, Ishai, CCS 2016, section 3.2.3).
//
// Nodes. Bits 0 … 2 of a node's block are control bits, 125 are seed: after taking side d of its
// parent, bit d is the "on path" bit t, and bit 2 the value of a one-bit β. So a level's
// correction block holds the corrections of seed, t_left, t_right and value together.
// Tags (in bits 0 … 2): 0, 1 children; 2 + d and 4 + d first and second value block of side d;
// at the last level 2 and 4 convert the seed to values, 6 to the 128 answers.
//
// Layout. Keys stand in strips of 32, level by level inside a strip, so that evaluation streams
// through them: corrections of a strip are [level][1 + value_blocks][32] blocks and then
// [max(1, value_blocks)][32]; the roots are [32]. The last strip is padded.
//
// Bytes per key: n - 6 blocks for a bit, n (1 + v) + v blocks for v value blocks: at 64-bit width
// (n = 63) 912, 2032 (v = 1) and 3056 (v = 2) bytes and a root of 16.
// Evaluation calls AES n - 6, or n (1 + v) + v times. (The textbook's key for one bit has a seed
// and four bits a level: 1.06 KB at n = 64 and 0.54 KB at n = 32, where these are 0.94 and 0.43 KB
// with root and hash key. A β of ring elements costs as much again a level for each 128 bits of
// it.)
#pragma once

#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "mpc/ot/block.h"

namespace hush::mpc {

inline constexpr std::size_t kDcfStrip = 32;
inline constexpr unsigned kDcfLeafBits = 7;  // levels that one block answers when β is a bit

// n and the kind of β. Use `check` before any other function: 8 <= n <= 63 and value_blocks <= 2.
struct DcfShape {
  unsigned domain_bits = 63;
  unsigned value_blocks = 0;  // β is a bit (0) or 2 ring elements per block

  void check() const;
  unsigned levels() const { return value_blocks == 0 ? domain_bits - kDcfLeafBits : domain_bits; }
  unsigned final_blocks() const { return value_blocks == 0 ? 1 : value_blocks; }
  std::size_t blocks_per_key() const {
    return std::size_t(levels()) * (1 + value_blocks) + final_blocks();
  }
};

constexpr std::size_t dcf_root_blocks(std::size_t count) {
  return (count + kDcfStrip - 1) / kDcfStrip * kDcfStrip;
}
inline std::size_t dcf_correction_blocks(const DcfShape& shape, std::size_t count) {
  return dcf_root_blocks(count) * shape.blocks_per_key();
}

// What both parties hold of a batch, besides the roots.
struct DcfBatch {
  DcfShape shape;
  std::size_t count = 0;
  Block hash_key;                      // public
  std::span<const Block> corrections;  // dcf_correction_blocks
};

// Makes `alphas.size()` keys. `roots` are random blocks, dcf_root_blocks of each party. `betas`
// holds 2 · value_blocks ring elements for each key; a one-bit β is 1. Fills `corrections`.
// Throws ArgumentError if sizes do not fit or an alpha needs more than n bits.
void dcf_generate(const DcfShape& shape, Block hash_key, std::span<const Ring> alphas,
                  std::span<const Ring> betas, std::span<const Block> roots0,
                  std::span<const Block> roots1, std::span<Block> corrections);

// Party's shares, under exclusive or, of [points[i] mod 2^n < α_i], packed; bits beyond are 0.
void dcf_evaluate_bits(const DcfBatch& batch, int party, std::span<const Block> roots,
                       std::span<const Ring> points, std::span<std::uint64_t> bits);

// Party's additive shares of [points[i] mod 2^n < α_i] β_i, 2 · value_blocks elements each.
void dcf_evaluate_values(const DcfBatch& batch, int party, std::span<const Block> roots,
                         std::span<const Ring> points, std::span<Ring> values);

}  // namespace hush::mpc
