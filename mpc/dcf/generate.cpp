// Key generation. The names follow figure 1 of the paper: Keep is the side of α's bit, Lose the
// other; V_α is what both parties' sums differ by on the path so far.
#include <sodium.h>

#include <algorithm>

#include "core/thread_pool.h"
#include "mpc/dcf/walk.h"
#include "mpc/ot/secret_array.h"

namespace hush::mpc {
namespace {

struct Value {  // a value block as two ring elements
  Ring lo = 0, hi = 0;

  explicit Value(Block block = {}) : lo(block.lo), hi(block.hi) {}
  Value operator+(Value b) const { return Value(Block{lo + b.lo, hi + b.hi}); }
  Value operator-(Value b) const { return Value(Block{lo - b.lo, hi - b.hi}); }
  Value negated_if(bool condition) const {
    const Ring mask = 0 - Ring{condition};
    return Value(Block{(lo ^ mask) - mask, (hi ^ mask) - mask});
  }
  Value only_if(bool condition) const { return Value(block() & mask_of(condition)); }
  Block block() const { return {lo, hi}; }
};

using Strip = Block[kDcfStrip];
constexpr std::size_t kStripsAThread = 16;

// The keys of one strip in the making. All of it is secret until corrected.
struct StripGeneration {
  const AesKey& key;
  DcfShape shape;
  Ring alpha[kDcfStrip] = {};
  Value beta[2][kDcfStrip];
  Strip seed[2];                   // by party, control bits clear
  bool on_path[2][kDcfStrip];      // t_0, t_1
  bool bit_path[kDcfStrip] = {};   // V_α for a one-bit β
  Value value_path[2][kDcfStrip];  // V_α by value block
  Strip child[2][2];               // by party and side
  Strip value[2][2][2];            // by value block, party and side

  StripGeneration(const AesKey& hash_key, const DcfShape& dcf_shape)
      : key(hash_key), shape(dcf_shape) {}
  StripGeneration(const StripGeneration&) = delete;
  StripGeneration& operator=(const StripGeneration&) = delete;
  ~StripGeneration() { sodium_memzero(this, sizeof *this); }

  void set_roots(std::size_t i, Block root0, Block root1) {
    const Block roots[2] = {root0, root1};
    for (int party = 0; party < 2; ++party) {
      seed[party][i] = {roots[party].lo & ~kDcfControlBits, roots[party].hi};
      on_path[party][i] = party == 1;
    }
  }
  void set_function(std::size_t i, Ring point, std::span<const Ring> values) {
    alpha[i] = point;
    for (unsigned j = 0; j < shape.value_blocks; ++j)
      beta[j][i] = Value(Block{values[2 * j], values[2 * j + 1]});
  }

  // All corrections of the strip, from the roots down.
  void make(Block* out) {
    for (unsigned level = 0; level < shape.levels(); ++level) {
      expand();
      for (std::size_t i = 0; i < kDcfStrip; ++i) {
        const bool keep = (alpha[i] >> (shape.domain_bits - 1 - level) & 1) != 0;
        for (unsigned j = 0; j < shape.value_blocks; ++j)
          out[(1 + j) * kDcfStrip + i] = correct_value(j, i, keep);
        out[i] = correct_node(i, keep);
      }
      out += (1 + shape.value_blocks) * kDcfStrip;
    }
    finish(out);
  }

  void hash(int party, std::uint64_t tag, Strip& out) const {
    aes_kernels().mmo(key, seed[party], Block{tag, 0}, out, kDcfStrip);
  }

  void expand() {
    for (int party = 0; party < 2; ++party)
      for (unsigned side = 0; side < 2; ++side) {
        hash(party, side, child[party][side]);
        for (unsigned j = 0; j < shape.value_blocks; ++j)
          hash(party, side + (2u << j), value[j][party][side]);
      }
  }

  // The correction of value block j at key i, and the step of V_α.
  Block correct_value(unsigned j, std::size_t i, bool keep) {
    const Value lose0(value[j][0][!keep][i]);
    const Value lose1(value[j][1][!keep][i]);
    const bool sign = on_path[1][i];
    const Value kept = Value(value[j][0][keep][i]) - Value(value[j][1][keep][i]);
    // Lose is the left side if Keep is the right one: there x < α.
    const Value correction =
        (lose1 - lose0 - value_path[j][i] + beta[j][i].only_if(keep)).negated_if(sign);
    value_path[j][i] = value_path[j][i] + kept + correction.negated_if(sign);
    return correction.block();
  }

  // The correction of seed, control bits and one-bit value at key i, and the step of all three.
  Block correct_node(std::size_t i, bool keep) {
    const Block lose = child[0][!keep][i] ^ child[1][!keep][i];
    const bool left = ((child[0][0][i].lo ^ child[1][0][i].lo) & 1) == unsigned(keep);
    const bool right = ((child[0][1][i].lo ^ child[1][1][i].lo) >> 1 & 1) != unsigned(keep);
    const bool bit = ((lose.lo >> 2 & 1) != 0) != (bit_path[i] != keep);
    const Block correction = {
        (lose.lo & ~kDcfControlBits) | Ring{left} | Ring{right} << 1 | Ring{bit} << 2, lose.hi};
    const Block kept = child[0][keep][i] ^ child[1][keep][i] ^ correction;
    bit_path[i] = bit_path[i] != ((kept.lo >> 2 & 1) != 0);
    for (int party = 0; party < 2; ++party) {
      const Block next = child[party][keep][i] ^ (correction & mask_of(on_path[party][i]));
      on_path[party][i] = (next.lo >> unsigned(keep) & 1) != 0;
      seed[party][i] = {next.lo & ~kDcfControlBits, next.hi};
    }
    return correction;
  }

  void finish(Block* corrections) {
    if (shape.value_blocks == 0) return finish_bits(corrections);
    for (unsigned j = 0; j < shape.value_blocks; ++j) {
      for (int party = 0; party < 2; ++party) hash(party, 2u << j, child[party][0]);
      for (std::size_t i = 0; i < kDcfStrip; ++i) {
        const Value difference = Value(child[1][0][i]) - Value(child[0][0][i]);
        corrections[j * kDcfStrip + i] =
            (difference - value_path[j][i]).negated_if(on_path[1][i]).block();
      }
    }
  }

  void finish_bits(Block* corrections) {
    for (int party = 0; party < 2; ++party) hash(party, 6, child[party][0]);
    for (std::size_t i = 0; i < kDcfStrip; ++i) {
      const unsigned bound = unsigned(alpha[i] & 127);  // answers below it are 1
      const Ring below = (Ring{1} << (bound & 63)) - 1;
      const Block high = mask_of(bound >= 64);
      const Block answers = {below | high.lo, below & high.lo};
      corrections[i] = child[0][0][i] ^ child[1][0][i] ^ answers ^ mask_of(bit_path[i]);
    }
  }
};

}  // namespace

void dcf_generate(const DcfShape& shape, Block hash_key, std::span<const Ring> alphas,
                  std::span<const Ring> betas, std::span<const Block> roots0,
                  std::span<const Block> roots1, std::span<Block> corrections) {
  shape.check();
  const std::size_t count = alphas.size();
  require(betas.size() == 2 * shape.value_blocks * count &&
              roots0.size() == dcf_root_blocks(count) && roots1.size() == roots0.size() &&
              corrections.size() == dcf_correction_blocks(shape, count),
          "dcf: the arrays do not fit {} keys", count);
  AesKey key;
  aes_kernels().expand(hash_key, key);
  const std::size_t strip_blocks = kDcfStrip * shape.blocks_per_key();
  const std::size_t strips = dcf_root_blocks(count) / kDcfStrip;
  parallel_for(strips, kStripsAThread, [&](std::size_t begin, std::size_t end) {
    for (std::size_t s = begin; s < end; ++s) {
      const std::size_t first = s * kDcfStrip;
      StripGeneration strip(key, shape);
      for (std::size_t i = 0; i < kDcfStrip; ++i) {
        strip.set_roots(i, roots0[first + i], roots1[first + i]);
        if (first + i >= count) continue;
        require(alphas[first + i] >> shape.domain_bits == 0,
                "dcf: alpha {} needs more than {} bits", first + i, shape.domain_bits);
        strip.set_function(i, alphas[first + i],
                           betas.subspan(2 * shape.value_blocks * (first + i)));
      }
      strip.make(corrections.data() + s * strip_blocks);
    }
  });
}

}  // namespace hush::mpc
