// Punctured pseudorandom functions as binary trees: one party knows all 2^k leaves, the other all
// but one that it chose, and k oblivious transfers are enough for it.
//
// Source: the tree of Goldreich, Goldwasser, Micali, "How to Construct Random Functions" (J. ACM
// 33(4), 1986), opened by OT as in Boyle et al., "Efficient Two-Round OT Extension and Silent
// Non-Interactive Secure Computation" (CCS 2019, ePrint 2019/1159, section 2); used as the
// all-but-one OT beneath Roy, "SoftSpokenOT" (CRYPTO 2022, ePrint 2022/192, section 3.1).
//
// A node with seed s has the children AES(s, 0) and AES(s, 1). Leaf x is reached by the bits of x,
// most significant first. Level l (0 below the root) has a pair of keys from a random OT, of which
// the opener gets the one for the direction that its path does *not* take. The keys of level 0
// simply are its two seeds. At every further level the builder sends the xor of all left and of all
// right children, each under its key: 32 bytes a level, 32·(k − 1) a tree, no reply. From the sum
// of the side that its path leaves, the opener gets the one child of that side that it lacks.
//
// What the opener learns: all leaves but the one at its path. What the builder learns: nothing.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "mpc/ot/block.h"

namespace hush::mpc {

inline constexpr unsigned kTreeMaxDepth = 8;

// Blocks that build_tree writes as corrections, and open_tree reads.
constexpr std::size_t tree_corrections(unsigned depth) {
  return 2 * (depth - 1);
}

// `keys`: both keys of each level; its size is the depth k. Writes 2^k leaves.
void build_tree(std::span<const std::array<Block, 2>> keys, std::span<Block> leaves,
                std::span<Block> corrections);

// `keys[l]` is the key of level l for the direction 1 − (bit k − 1 − l of `path`). Writes 2^k
// leaves; the one at `path` is zero. Neither branches nor indexes memory by `path`.
void open_tree(std::span<const Block> keys, unsigned path, std::span<const Block> corrections,
               std::span<Block> leaves);

}  // namespace hush::mpc
