// The portable walk, on the AES kernels of mpc/ot, and the dispatch.
#include "mpc/dcf/walk.h"

#include <algorithm>

namespace hush::mpc {
namespace {

using Strip = Block[kDcfStrip];

void hash(const AesKey& key, const Strip& in, std::uint64_t tag, Strip& out) {
  aes_kernels().mmo(key, in, Block{tag, 0}, out, kDcfStrip);
}

void portable_walk(const DcfWalk& walk) {
  const unsigned value_blocks = walk.shape.value_blocks;
  std::fill_n(walk.sums, kDcfStrip * walk.shape.final_blocks(), Block{});
  Strip parent, value, next;
  Block chosen[kDcfStrip];
  unsigned selector[kDcfStrip] = {};
  const Block* corrections = walk.corrections;
  for (unsigned level = 0; level < walk.shape.levels(); ++level) {
    for (std::size_t i = 0; i < kDcfStrip; ++i) {
      const unsigned side = unsigned(walk.points[i].lo >> (walk.shape.domain_bits - 1 - level) & 1);
      const Block node = walk.nodes[i];
      chosen[i] = mask_of((node.lo >> selector[i] & 1) != 0);
      parent[i] = {(node.lo & ~kDcfControlBits) | side, node.hi};
      selector[i] = side;
    }
    for (unsigned j = 0; j < value_blocks; ++j) {
      hash(*walk.key, parent, 2u << j, value);
      for (std::size_t i = 0; i < kDcfStrip; ++i) {
        const Block c = corrections[(1 + j) * kDcfStrip + i] & chosen[i];
        Block& sum = walk.sums[j * kDcfStrip + i];
        sum = {sum.lo + value[i].lo + c.lo, sum.hi + value[i].hi + c.hi};
      }
    }
    hash(*walk.key, parent, 0, next);
    for (std::size_t i = 0; i < kDcfStrip; ++i) {
      walk.nodes[i] = next[i] ^ (corrections[i] & chosen[i]);
      if (value_blocks == 0) walk.sums[i] ^= walk.nodes[i];
    }
    corrections += (1 + value_blocks) * kDcfStrip;
  }
}

}  // namespace

DcfWalkFunction find_dcf_walk(AesPath path) {
  return path == AesPath::kPortable ? portable_walk : find_x86_dcf_walk(path);
}

DcfWalkFunction dcf_walk() {
  static const DcfWalkFunction best = find_dcf_walk(aes_kernels().path);
  return best;
}

}  // namespace hush::mpc
