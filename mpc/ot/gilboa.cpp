#include "mpc/ot/gilboa.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "mpc/ot/bit_packing.h"

namespace hush::mpc {
namespace {

constexpr Tag kProductDifferences{0x0140};

void require_widths(unsigned width, unsigned bits) {
  require(width >= 1 && width <= 64 && bits >= 1 && bits <= width,
          "product by OT: width {} and {} bits; they must be 1 <= bits <= width <= 64", width,
          bits);
}

// Elements of a full chunk, and elements of the first message when `count` take part.
std::size_t chunk_elements(unsigned bits) {
  return kOtChunk / bits / 64 * 64;
}
std::size_t padded(std::size_t count) {
  return bit_words(count) * 64;
}

// Bytes of the second message of a chunk: each bit's values packed for themselves.
std::size_t difference_bytes(std::size_t count, unsigned width, unsigned bits) {
  std::size_t bytes = 0;
  for (unsigned j = 0; j < bits; ++j) bytes += packed_bytes(count, width - j);
  return bytes;
}

// Choice bits of one chunk: first bit 0 of every element, then bit 1 of every element, …
void slice_bits(std::span<const std::uint64_t> y, unsigned bits, std::uint64_t* choices) {
  const std::size_t groups = bit_words(y.size());
  for (std::size_t group = 0; group < groups; ++group) {
    std::uint64_t words[64] = {};
    const std::size_t count = std::min<std::size_t>(64, y.size() - group * 64);
    std::copy_n(y.data() + group * 64, count, words);
    transpose_words(words);
    for (unsigned j = 0; j < bits; ++j) choices[j * groups + group] = words[j];
  }
}

}  // namespace

OtCost gilboa_cost(OtExtension extension, std::uint64_t count, unsigned width, unsigned bits) {
  require_widths(width, bits);
  OtCost cost;
  std::uint64_t chunks = 0;
  for (std::uint64_t done = 0; done < count; done += chunk_elements(bits), ++chunks) {
    const std::size_t m = std::min<std::uint64_t>(chunk_elements(bits), count - done);
    cost.receiver_bytes += random_ot_cost(extension, padded(m) * bits).receiver_bytes;
    cost.sender_bytes += difference_bytes(m, width, bits);
  }
  cost.rounds = batch_rounds(chunks);
  return cost;
}

void gilboa_send(OtSender& sender, unsigned width, unsigned bits, std::span<const std::uint64_t> x,
                 std::span<std::uint64_t> a) {
  require_widths(width, bits);
  require(x.size() == a.size(), "product by OT: {} inputs, {} outputs", x.size(), a.size());
  const std::size_t step = chunk_elements(bits);
  std::vector<std::uint64_t> difference(std::min(step, x.size()));
  std::vector<std::byte> message(difference_bytes(difference.size(), width, bits));
  for (std::size_t done = 0; done < x.size(); done += step) {
    const std::size_t count = std::min(step, x.size() - done);
    const PadPair pads = sender.next_chunk(padded(count) * bits);
    std::fill_n(a.data() + done, count, 0);
    std::byte* next = message.data();
    for (unsigned j = 0; j < bits; ++j) {
      const Block* zero = pads.zero.data() + j * padded(count);
      const Block* one = pads.one.data() + j * padded(count);
      for (std::size_t i = 0; i < count; ++i) {
        difference[i] = x[done + i] + zero[i].lo - one[i].lo;
        a[done + i] -= zero[i].lo << j;
      }
      pack_values({difference.data(), count}, width - j, next);
      next += packed_bytes(count, width - j);
    }
    for (std::size_t i = 0; i < count; ++i) a[done + i] &= low_bits(width);
    sender.channel().send({message.data(), next}, kProductDifferences);
  }
  sender.channel().flush();
}

void gilboa_receive(OtReceiver& receiver, unsigned width, unsigned bits,
                    std::span<const std::uint64_t> y, std::span<std::uint64_t> c) {
  require_widths(width, bits);
  require(y.size() == c.size(), "product by OT: {} inputs, {} outputs", y.size(), c.size());
  const std::size_t step = chunk_elements(bits);
  std::vector<std::uint64_t> choices(bit_words(kOtChunk));
  std::vector<std::uint64_t> difference(std::min(step, y.size()));
  std::vector<std::byte> message(difference_bytes(difference.size(), width, bits));
  for (std::size_t batch = 0; batch < y.size(); batch += kOtBatchChunks * step) {
    const std::size_t end = std::min(batch + kOtBatchChunks * step, y.size());
    for (std::size_t done = batch; done < end; done += step) {
      const std::size_t count = std::min(step, end - done);
      slice_bits(y.subspan(done, count), bits, choices.data());
      const std::span<const Block> pads = receiver.next_chunk(choices, padded(count) * bits);
      std::fill_n(c.data() + done, count, 0);
      for (unsigned j = 0; j < bits; ++j)
        for (std::size_t i = 0; i < count; ++i) c[done + i] += pads[j * padded(count) + i].lo << j;
    }
    for (std::size_t done = batch; done < end; done += step) {
      const std::size_t count = std::min(step, end - done);
      const std::size_t bytes = difference_bytes(count, width, bits);
      receiver.channel().receive(std::span(message.data(), bytes), kProductDifferences);
      const std::byte* next = message.data();
      for (unsigned j = 0; j < bits; ++j) {
        unpack_values(next, width - j, {difference.data(), count});
        next += packed_bytes(count, width - j);
        for (std::size_t i = 0; i < count; ++i)
          c[done + i] += (difference[i] & (0 - (y[done + i] >> j & 1))) << j;
      }
      for (std::size_t i = 0; i < count; ++i) c[done + i] &= low_bits(width);
    }
  }
}

}  // namespace hush::mpc
