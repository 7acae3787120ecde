#include <sodium.h>

#include <algorithm>

#include "mpc/dcf/walk.h"

namespace hush::mpc {
namespace {

// One strip in progress: nodes and sums are secret and wiped at the end.
class StripEvaluation {
 public:
  StripEvaluation(const DcfBatch& batch, int party, std::span<const Block> roots,
                  std::span<const Ring> points)
      : batch_(batch), party_(party), roots_(roots), points_(points) {
    batch.shape.check();
    require(points.size() == batch.count && roots.size() == dcf_root_blocks(batch.count) &&
                batch.corrections.size() == dcf_correction_blocks(batch.shape, batch.count),
            "dcf: {} points, {} roots and {} corrections do not fit {} keys", points.size(),
            roots.size(), batch.corrections.size(), batch.count);
    aes_kernels().expand(batch.hash_key, key_);
  }
  StripEvaluation(const StripEvaluation&) = delete;
  StripEvaluation& operator=(const StripEvaluation&) = delete;
  ~StripEvaluation() {
    sodium_memzero(nodes_, sizeof nodes_);
    sodium_memzero(sums_, sizeof sums_);
    sodium_memzero(leaf_, sizeof leaf_);
  }

  // Walks the strip that begins at key `first`; returns how many keys it has.
  std::size_t walk(std::size_t first) {
    const DcfShape& shape = batch_.shape;
    const std::size_t count = std::min(kDcfStrip, batch_.count - first);
    const Ring low = (Ring{1} << shape.domain_bits) - 1;
    for (std::size_t i = 0; i < kDcfStrip; ++i) {
      if (i < count) point_[i] = {points_[first + i] & low, 0};
      const Block root = roots_[first + i];
      nodes_[i] = {(root.lo & ~kDcfControlBits) | Ring(party_), root.hi};
    }
    corrections_ = batch_.corrections.data() + first * shape.blocks_per_key();
    dcf_walk()({&key_, shape, point_, corrections_, nodes_, sums_});
    corrections_ += std::size_t(shape.levels()) * (1 + shape.value_blocks) * kDcfStrip;
    for (std::size_t i = 0; i < kDcfStrip; ++i) {
      chosen_[i] = mask_of((nodes_[i].lo >> last_side(shape, point_[i].lo) & 1) != 0);
      nodes_[i].lo &= ~kDcfControlBits;
    }
    return count;
  }

  // The last seeds under `tag`, corrected by final block j.
  void convert(std::uint64_t tag, unsigned j) {
    aes_kernels().mmo(key_, nodes_, Block{tag, 0}, leaf_, kDcfStrip);
    final_ = corrections_ + j * kDcfStrip;
  }

  bool bit(std::size_t i) const {
    const Block answers = leaf_[i] ^ (final_[i] & chosen_[i]);
    const unsigned index = unsigned(point_[i].lo & 127);
    return answers.bit(index) != ((sums_[i].lo >> 2 & 1) != 0);
  }

  Block value(std::size_t i, unsigned j) const {
    const Block sum = sums_[j * kDcfStrip + i];
    const Block c = final_[i] & chosen_[i];
    const Block value = {sum.lo + leaf_[i].lo + c.lo, sum.hi + leaf_[i].hi + c.hi};
    return party_ == 0 ? value : Block{0 - value.lo, 0 - value.hi};
  }

 private:
  const DcfBatch& batch_;
  int party_;
  std::span<const Block> roots_;
  std::span<const Ring> points_;
  AesKey key_;
  const Block* corrections_ = nullptr;
  const Block* final_ = nullptr;
  alignas(64) Block point_[kDcfStrip] = {};
  alignas(64) Block nodes_[kDcfStrip];
  alignas(64) Block sums_[2 * kDcfStrip];
  alignas(64) Block leaf_[kDcfStrip];
  alignas(64) Block chosen_[kDcfStrip];
};

}  // namespace

void DcfShape::check() const {
  require(domain_bits >= 8 && domain_bits <= 63 && value_blocks <= 2,
          "dcf: {} bits and {} value blocks; 8 to 63 bits and at most 2 blocks are supported",
          domain_bits, value_blocks);
}

void dcf_evaluate_bits(const DcfBatch& batch, int party, std::span<const Block> roots,
                       std::span<const Ring> points, std::span<std::uint64_t> bits) {
  require(batch.shape.value_blocks == 0 && bits.size() == bit_words(batch.count),
          "dcf: {} words of bits for {} keys", bits.size(), batch.count);
  StripEvaluation strip(batch, party, roots, points);
  std::fill(bits.begin(), bits.end(), 0);
  for (std::size_t first = 0; first < batch.count; first += kDcfStrip) {
    const std::size_t count = strip.walk(first);
    strip.convert(6, 0);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < count; ++i) word |= std::uint64_t{strip.bit(i)} << i;
    bits[first / 64] |= word << (first % 64);
  }
}

void dcf_evaluate_values(const DcfBatch& batch, int party, std::span<const Block> roots,
                         std::span<const Ring> points, std::span<Ring> values) {
  const unsigned blocks = batch.shape.value_blocks;
  require(blocks > 0 && values.size() == 2 * blocks * batch.count,
          "dcf: {} values for {} keys of {} value blocks", values.size(), batch.count, blocks);
  StripEvaluation strip(batch, party, roots, points);
  for (std::size_t first = 0; first < batch.count; first += kDcfStrip) {
    const std::size_t count = strip.walk(first);
    for (unsigned j = 0; j < blocks; ++j) {
      strip.convert(2u << j, j);
      for (std::size_t i = 0; i < count; ++i) {
        const Block value = strip.value(i, j);
        Ring* out = &values[2 * (blocks * (first + i) + j)];
        out[0] = value.lo;
        out[1] = value.hi;
      }
    }
  }
}

}  // namespace hush::mpc
