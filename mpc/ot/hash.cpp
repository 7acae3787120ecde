#include "mpc/ot/hash.h"

namespace hush::mpc {

// MMO(x) ^ x = π(x).
void CorrelationRobustHash::permute(std::span<const Block> in, Block offset,
                                    std::span<Block> out) const {
  hash(in, offset, out);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= in[i] ^ offset;
}

// With y = π(x): TMMO(x, i) = π(y ^ i) ^ y = MMO(i ^ y) ^ i, so that a pad costs one AES, not two.
void CorrelationRobustHash::expand(Block permuted, std::span<Block> pads) const {
  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] = {i, 0};
  hash(pads, permuted, pads);
  for (std::size_t i = 0; i < pads.size(); ++i) pads[i].lo ^= i;
}

}  // namespace hush::mpc
