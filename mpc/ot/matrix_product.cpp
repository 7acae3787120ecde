#include "mpc/ot/matrix_product.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "mpc/ot/bit_packing.h"

namespace hush::mpc {
namespace {

constexpr Tag kRowDifferences{0x0150};
constexpr std::size_t kBatchBytes = std::size_t{64} << 20;

// How the elements of A are cut, the same for both parties: into batches of whole chunks.
struct Plan {
  MatrixShape shape;
  unsigned width;
  unsigned bits;
  std::size_t elements;  // of A
  std::size_t reply;     // bytes of the sender's message for one element of A
  std::size_t chunk;     // elements of A in one message of the receiver
  std::size_t batch;

  Plan(MatrixShape matrices, unsigned width_bits, unsigned factor_bits)
      : shape(matrices), width(width_bits), bits(factor_bits), elements(shape.rows * shape.inner) {
    require(width >= 1 && width <= 64 && bits >= 1 && bits <= width,
            "matrix product by OT: width {} and {} bits; they must be 1 <= bits <= width <= 64",
            width, bits);
    reply = 0;
    for (unsigned j = 0; j < bits; ++j) reply += packed_bytes(shape.columns, width - j);
    const std::size_t most =
        std::max<std::size_t>(1, kBatchBytes / std::max<std::size_t>(1, reply));
    chunk = std::min(most, kOtChunk / bits);
    batch = std::min(most / chunk, kOtBatchChunks) * chunk;
  }

  // Calls body(first, count) for each piece of [begin, end) of at most `step`.
  template <class Body>
  static void pieces(std::size_t begin, std::size_t end, std::size_t step, Body body) {
    for (std::size_t first = begin; first < end; first += step)
      body(first, std::min(step, end - first));
  }

  void require_sizes(std::size_t input, std::size_t expected, std::size_t output) const {
    require(input == expected && output == shape.rows * shape.columns,
            "matrix product by OT: {} input and {} output elements for {} x {} times {} x {}",
            input, output, shape.rows, shape.inner, shape.inner, shape.columns);
  }
};

// The pads of one transfer as elements: two of each block.
class ElementPads {
 public:
  explicit ElementPads(std::size_t count) : blocks_((count + 1) / 2) {}

  const std::uint64_t* expand(const CorrelationRobustHash& hash, Block permuted) {
    hash.expand(permuted, {blocks_.data(), blocks_.size()});
    return reinterpret_cast<const std::uint64_t*>(blocks_.data());
  }

 private:
  SecretArray<Block> blocks_;
};

}  // namespace

OtCost matrix_product_cost(OtExtension extension, MatrixShape shape, unsigned width,
                           unsigned bits) {
  const Plan plan(shape, width, bits);
  OtCost cost;
  if (plan.reply == 0) return cost;
  cost.sender_bytes = plan.elements * plan.reply;
  Plan::pieces(0, plan.elements, plan.batch, [&](std::size_t first, std::size_t count) {
    cost.rounds += 2;
    Plan::pieces(first, first + count, plan.chunk, [&](std::size_t, std::size_t elements) {
      cost.receiver_bytes += cot_cost(extension, elements * bits).receiver_bytes;
    });
  });
  return cost;
}

void matrix_product_send(OtSender& sender, MatrixShape shape, unsigned width, unsigned bits,
                         std::span<const std::uint64_t> b, std::span<std::uint64_t> share) {
  const Plan plan(shape, width, bits);
  plan.require_sizes(b.size(), shape.inner * shape.columns, share.size());
  std::fill(share.begin(), share.end(), 0);
  if (plan.reply == 0) return;
  SecretArray<Block> permuted_zero(kOtChunk);
  SecretArray<Block> permuted_one(kOtChunk);
  ElementPads zero_pads(shape.columns);
  ElementPads one_pads(shape.columns);
  std::vector<std::uint64_t> difference(shape.columns);
  std::vector<std::byte> message(plan.reply);

  const auto element = [&](std::size_t index, std::size_t transfer) {
    const std::uint64_t* row = b.data() + index % shape.inner * shape.columns;
    std::uint64_t* out = share.data() + index / shape.inner * shape.columns;
    std::byte* next = message.data();
    for (unsigned j = 0; j < bits; ++j) {
      const std::uint64_t* zero = zero_pads.expand(sender.hash(), permuted_zero[transfer + j]);
      const std::uint64_t* one = one_pads.expand(sender.hash(), permuted_one[transfer + j]);
      for (std::size_t l = 0; l < shape.columns; ++l) {
        difference[l] = row[l] + zero[l] - one[l];
        out[l] -= zero[l] << j;
      }
      pack_values(difference, width - j, next);
      next += packed_bytes(shape.columns, width - j);
    }
    sender.channel().send(message, kRowDifferences);
  };
  Plan::pieces(0, plan.elements, plan.chunk, [&](std::size_t first, std::size_t count) {
    const std::size_t transfers = count * bits;
    const std::span<const Block> q = sender.next_correlations(transfers);
    sender.hash().permute(q, Block{}, {permuted_zero.data(), transfers});
    sender.hash().permute(q, sender.delta(), {permuted_one.data(), transfers});
    for (std::size_t i = 0; i < count; ++i) element(first + i, i * bits);
  });
  sender.channel().flush();
  for (std::uint64_t& value : share) value &= low_bits(width);
}

void matrix_product_receive(OtReceiver& receiver, MatrixShape shape, unsigned width, unsigned bits,
                            std::span<const std::uint64_t> a, std::span<std::uint64_t> share) {
  const Plan plan(shape, width, bits);
  plan.require_sizes(a.size(), plan.elements, share.size());
  std::fill(share.begin(), share.end(), 0);
  if (plan.reply == 0) return;
  std::vector<std::uint64_t> choices(bit_words(kOtChunk));
  SecretArray<Block> permuted(kOtChunk);
  ElementPads element_pads(shape.columns);
  std::vector<std::uint64_t> difference(shape.columns);
  std::vector<std::byte> message(plan.reply);

  const auto ask = [&](std::size_t first, std::size_t count) {
    const std::size_t transfers = count * bits;
    std::fill(choices.begin(), choices.end(), 0);
    for (std::size_t n = 0; n < transfers; ++n)
      choices[n / 64] |= (a[first + n / bits] >> (n % bits) & 1) << (n % 64);
    receiver.hash().permute(receiver.next_correlations(choices, transfers), Block{},
                            {permuted.data(), transfers});
    for (std::size_t n = 0; n < transfers; ++n) {
      const std::uint64_t* pads = element_pads.expand(receiver.hash(), permuted[n]);
      std::uint64_t* out = share.data() + (first + n / bits) / shape.inner * shape.columns;
      for (std::size_t l = 0; l < shape.columns; ++l) out[l] += pads[l] << (n % bits);
    }
  };
  const auto finish = [&](std::size_t index) {
    receiver.channel().receive(message, kRowDifferences);
    std::uint64_t* out = share.data() + index / shape.inner * shape.columns;
    const std::byte* next = message.data();
    for (unsigned j = 0; j < bits; ++j) {
      unpack_values(next, width - j, difference);
      next += packed_bytes(shape.columns, width - j);
      const std::uint64_t mask = 0 - (a[index] >> j & 1);
      for (std::size_t l = 0; l < shape.columns; ++l) out[l] += (difference[l] & mask) << j;
    }
  };
  Plan::pieces(0, plan.elements, plan.batch, [&](std::size_t batch, std::size_t size) {
    Plan::pieces(batch, batch + size, plan.chunk, ask);
    for (std::size_t i = 0; i < size; ++i) finish(batch + i);
  });
  for (std::uint64_t& value : share) value &= low_bits(width);
}

}  // namespace hush::mpc
