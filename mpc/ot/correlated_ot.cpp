#include "mpc/ot/correlated_ot.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "mpc/ot/base_ot.h"
#include "mpc/ot/punctured_prf.h"
#include "mpc/ot/transpose.h"

namespace hush::mpc {
namespace {

constexpr Tag kTreeCorrections{0x0110};
constexpr Tag kColumnCorrections{0x0111};

constexpr unsigned kColumns = 128;
constexpr std::size_t kChunkBlocks = kOtChunk / 128;  // blocks of a full column
// Four blocks of padding: a stride of 1 kB would put all columns into the same few cache sets.
constexpr std::size_t kStride = kChunkBlocks + 4;
static_assert(kChunkBlocks % kFoldUnit == 0 && kOtChunk % kTransposeGroup == 0);

AesFold fold_of(unsigned depth) {
  switch (depth) {
    case 1:
      return aes_kernels().fold<1>();
    case 2:
      return aes_kernels().fold<2>();
    case 4:
      return aes_kernels().fold<4>();
    case 8:
      return aes_kernels().fold<8>();
    default:
      throw ArgumentError(fmt::format("OT extension: k = {} is not 1, 2, 4 or 8", depth));
  }
}

std::size_t column_blocks(std::size_t count) {
  return (count + 127) / 128;
}
std::size_t fold_units(std::size_t count) {
  return (column_blocks(count) + kFoldUnit - 1) / kFoldUnit;
}
std::size_t transpose_groups(std::size_t count) {
  return (count + kTransposeGroup - 1) / kTransposeGroup;
}

void require_count(std::size_t count) {
  require(count <= kOtChunk, "OT extension: a chunk of {} transfers; at most {} fit", count,
          kOtChunk);
}

// Reorders leaf x to place x ^ shift, by conditional swaps: `shift` is secret.
void permute_leaves(std::span<Block> leaves, unsigned shift) {
  for (std::size_t half = 1; half < leaves.size(); half *= 2) {
    const Block mask = mask_of((shift & half) != 0);
    for (std::size_t x = 0; x < leaves.size(); ++x) {
      if ((x & half) != 0) continue;
      const Block difference = (leaves[x] ^ leaves[x + half]) & mask;
      leaves[x] ^= difference;
      leaves[x + half] ^= difference;
    }
  }
}

void expand_keys(std::span<const Block> seeds, AesKey* keys) {
  for (std::size_t x = 0; x < seeds.size(); ++x) aes_kernels().expand(seeds[x], keys[x]);
}

}  // namespace

OtCost cot_setup_cost(OtExtension extension) {
  const auto depth = static_cast<unsigned>(extension);
  OtCost cost;
  cost.sender_bytes = base_ot_cost(kColumns).receiver_bytes;
  cost.receiver_bytes = base_ot_cost(kColumns).sender_bytes +
                        kColumns / depth * tree_corrections(depth) * sizeof(Block);
  cost.rounds = base_ot_cost(kColumns).rounds + (depth > 1 ? 1 : 0);
  return cost;
}

OtCost cot_cost(OtExtension extension, std::uint64_t count) {
  const std::uint64_t columns = kColumns / static_cast<unsigned>(extension);
  return {0, columns * ((count + 127) / 128) * sizeof(Block), count > 0 ? 1U : 0U};
}

CotSender::CotSender(Channel& channel, Generator& generator, OtExtension extension)
    : channel_(channel),
      depth_(static_cast<unsigned>(extension)),
      fold_(fold_of(depth_)),
      delta_(1),
      leaves_((kColumns / depth_) << depth_),
      columns_(kColumns * kStride),
      rows_(kOtChunk),
      message_(kColumns / depth_ * kChunkBlocks) {
  delta_[0] = generator.next_block();

  // Base OT c·k + l opens level l of tree c, in the direction that bit k − 1 − l of d_c does not
  // take.
  SecretArray<std::uint64_t> choices(bit_words(kColumns));
  for (unsigned column = 0; column < kColumns; ++column) {
    const unsigned level = column % depth_;
    const bool bit = delta_[0].bit(column - level + depth_ - 1 - level);
    choices[column / 64] |= static_cast<std::uint64_t>(!bit) << (column % 64);
  }
  SecretArray<Block> keys(kColumns);
  session_ = base_ot_receive(channel_, generator, std::span(choices.data(), choices.size()),
                             std::span(keys.data(), keys.size()));

  const std::size_t corrections_size = tree_corrections(depth_);
  std::vector<Block> corrections(kColumns / depth_ * corrections_size);
  if (depth_ > 1) channel_.receive_array(corrections, kTreeCorrections);
  SecretArray<Block> leaves(std::size_t{1} << depth_);
  for (unsigned tree = 0; tree < kColumns / depth_; ++tree) {
    unsigned path = 0;
    for (unsigned j = 0; j < depth_; ++j)
      path |= static_cast<unsigned>(delta_[0].bit(tree * depth_ + j)) << j;
    const std::span<Block> all(leaves.data(), leaves.size());
    open_tree(std::span(keys.data() + tree * depth_, depth_), path,
              std::span(corrections).subspan(tree * corrections_size, corrections_size), all);
    permute_leaves(all, path);
    expand_keys(all, leaves_.data() + tree * leaves.size());
  }
}

CotReceiver::CotReceiver(Channel& channel, Generator& generator, OtExtension extension)
    : channel_(channel),
      depth_(static_cast<unsigned>(extension)),
      fold_(fold_of(depth_)),
      leaves_((kColumns / depth_) << depth_),
      columns_(kColumns * kStride),
      rows_(kOtChunk),
      message_(kColumns / depth_ * kChunkBlocks) {
  SecretArray<std::array<Block, 2>> keys(kColumns);
  session_ = base_ot_send(channel_, generator, std::span(keys.data(), keys.size()));

  const std::size_t corrections_size = tree_corrections(depth_);
  std::vector<Block> corrections(kColumns / depth_ * corrections_size);
  SecretArray<Block> leaves(std::size_t{1} << depth_);
  for (unsigned tree = 0; tree < kColumns / depth_; ++tree) {
    const std::span<Block> all(leaves.data(), leaves.size());
    build_tree(std::span(keys.data() + tree * depth_, depth_), all,
               std::span(corrections).subspan(tree * corrections_size, corrections_size));
    expand_keys(all, leaves_.data() + tree * leaves.size());
  }
  if (depth_ > 1) channel_.send_array(corrections, kTreeCorrections);
  channel_.flush();
}

std::span<const Block> CotSender::next_chunk(std::size_t count) {
  require_count(count);
  if (count == 0) return {};
  const std::size_t blocks = column_blocks(count);
  const unsigned trees = kColumns / depth_;
  channel_.receive_array(std::span(message_.data(), trees * blocks), kColumnCorrections);
  for (unsigned tree = 0; tree < trees; ++tree) {
    Block* columns = columns_.data() + tree * depth_ * kStride;
    fold_(leaves_.data() + (std::size_t{tree} << depth_), counter_, fold_units(count), nullptr,
          columns, kStride);
    const Block* correction = message_.data() + tree * blocks;
    for (unsigned j = 0; j < depth_; ++j) {
      const Block mask = mask_of(delta_[0].bit(tree * depth_ + j));
      Block* column = columns + j * kStride;
      for (std::size_t i = 0; i < blocks; ++i) column[i] ^= correction[i] & mask;
    }
  }
  counter_ += fold_units(count) * kFoldUnit;
  transpose_columns(columns_.data(), kStride, transpose_groups(count), rows_.data());
  return {rows_.data(), count};
}

std::span<const Block> CotReceiver::next_chunk(std::span<const std::uint64_t> choices,
                                               std::size_t count) {
  require_count(count);
  require(choices.size() >= bit_words(count), "OT extension: {} choice words for {} transfers",
          choices.size(), count);
  if (count == 0) return {};
  const std::size_t blocks = column_blocks(count);
  const unsigned trees = kColumns / depth_;
  Block bits[kChunkBlocks] = {};
  std::memcpy(static_cast<void*>(bits), choices.data(), bit_words(count) * sizeof(std::uint64_t));
  Block sum[kChunkBlocks];
  for (unsigned tree = 0; tree < trees; ++tree) {
    fold_(leaves_.data() + (std::size_t{tree} << depth_), counter_, fold_units(count), sum,
          columns_.data() + tree * depth_ * kStride, kStride);
    Block* correction = message_.data() + tree * blocks;
    for (std::size_t i = 0; i < blocks; ++i) correction[i] = sum[i] ^ bits[i];
  }
  counter_ += fold_units(count) * kFoldUnit;
  channel_.send_array(std::span(message_.data(), trees * blocks), kColumnCorrections);
  sodium_memzero(sum, sizeof sum);
  sodium_memzero(bits, sizeof bits);
  transpose_columns(columns_.data(), kStride, transpose_groups(count), rows_.data());
  return {rows_.data(), count};
}

void CotSender::extend(std::span<Block> q) {
  for (std::size_t done = 0; done < q.size(); done += kOtChunk) {
    const auto chunk = next_chunk(std::min(kOtChunk, q.size() - done));
    std::copy(chunk.begin(), chunk.end(), q.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

void CotReceiver::extend(std::span<const std::uint64_t> choices, std::span<Block> t) {
  require(choices.size() >= bit_words(t.size()), "OT extension: {} choice words for {} transfers",
          choices.size(), t.size());
  for (std::size_t done = 0; done < t.size(); done += kOtChunk) {
    const auto chunk = next_chunk(choices.subspan(done / 64), std::min(kOtChunk, t.size() - done));
    std::copy(chunk.begin(), chunk.end(), t.begin() + static_cast<std::ptrdiff_t>(done));
  }
  channel_.flush();
}

}  // namespace hush::mpc
