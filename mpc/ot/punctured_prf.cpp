#include "mpc/ot/punctured_prf.h"

#include "core/error.h"
#include "mpc/ot/aes.h"
#include "mpc/ot/secret_array.h"

namespace hush::mpc {
namespace {

void require_sizes(std::size_t depth, std::size_t leaves, std::size_t corrections) {
  require(depth >= 1 && depth <= kTreeMaxDepth, "punctured PRF: depth {} is not in 1..{}", depth,
          kTreeMaxDepth);
  require(leaves == std::size_t{1} << depth && corrections == tree_corrections(depth),
          "punctured PRF: {} leaves and {} corrections do not fit depth {}", leaves, corrections,
          depth);
}

// Replaces `count` nodes by their 2·count children, in place from the back.
void expand_level(std::span<Block> nodes, std::size_t count) {
  SecretArray<AesKey> key(1);
  for (std::size_t i = count; i-- > 0;) {
    aes_kernels().expand(nodes[i], key[0]);
    aes_kernels().counter(key[0], 0, &nodes[2 * i], 2);
  }
}

}  // namespace

void build_tree(std::span<const std::array<Block, 2>> keys, std::span<Block> leaves,
                std::span<Block> corrections) {
  require_sizes(keys.size(), leaves.size(), corrections.size());
  leaves[0] = keys[0][0];
  leaves[1] = keys[0][1];
  for (std::size_t level = 1; level < keys.size(); ++level) {
    const std::size_t count = std::size_t{1} << level;
    expand_level(leaves, count);
    for (std::size_t side = 0; side < 2; ++side) {
      Block sum = keys[level][side];
      for (std::size_t i = 0; i < count; ++i) sum ^= leaves[2 * i + side];
      corrections[2 * (level - 1) + side] = sum;
    }
  }
}

void open_tree(std::span<const Block> keys, unsigned path, std::span<const Block> corrections,
               std::span<Block> leaves) {
  const std::size_t depth = keys.size();
  require_sizes(depth, leaves.size(), corrections.size());
  const bool first_bit = (path >> (depth - 1) & 1) != 0;
  leaves[0] = keys[0] & mask_of(first_bit);
  leaves[1] = keys[0] & mask_of(!first_bit);
  for (std::size_t level = 1; level < depth; ++level) {
    const std::size_t count = std::size_t{1} << level;
    const std::size_t hole = path >> (depth - level);  // the node of this level that we lack
    const bool taken = (path >> (depth - 1 - level) & 1) != 0;
    expand_level(leaves, count);  // the children of the hole are nonsense so far

    // The sum over the side that the path leaves, without the hole: what remains is its child.
    Block child = keys[level];
    child ^= corrections[2 * (level - 1)] & mask_of(taken);
    child ^= corrections[2 * (level - 1) + 1] & mask_of(!taken);
    for (std::size_t i = 0; i < count; ++i) {
      const Block left = leaves[2 * i] & mask_of(taken);
      const Block right = leaves[2 * i + 1] & mask_of(!taken);
      child ^= (left ^ right) & mask_of(i != hole);
    }
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t side = 0; side < 2; ++side) {
        const Block repaired = child & mask_of((side != 0) != taken);
        Block& node = leaves[2 * i + side];
        node = (node & mask_of(i != hole)) ^ (repaired & mask_of(i == hole));
      }
  }
}

}  // namespace hush::mpc
