#include "mpc/ot/ring_ot.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "mpc/ot/bit_packing.h"

namespace hush::mpc {
namespace {

constexpr Tag kDifferences{0x0130};
constexpr Tag kBitDifferences{0x0131};

void require_width(unsigned width) {
  require(width >= 1 && width <= 64, "ring OT: width {} is not in 1..64", width);
}

void require_words(std::size_t input, std::size_t output, std::size_t count) {
  require(input >= bit_words(count) && output >= bit_words(count),
          "bit OT: {} input and {} output words for {} bits", input, output, count);
}

}  // namespace

OtCost ring_ot_cost(OtExtension extension, std::uint64_t count, unsigned width) {
  OtCost cost = random_ot_cost(extension, count);
  cost.sender_bytes =
      count / kOtChunk * packed_bytes(kOtChunk, width) + packed_bytes(count % kOtChunk, width);
  cost.rounds = batch_rounds((count + kOtChunk - 1) / kOtChunk);
  return cost;
}

void ring_ot_send(OtSender& sender, unsigned width, std::span<const std::uint64_t> x,
                  std::span<std::uint64_t> r) {
  require_width(width);
  require(x.size() == r.size(), "ring OT: {} inputs, {} outputs", x.size(), r.size());
  std::vector<std::uint64_t> difference(std::min(kOtChunk, x.size()));
  std::vector<std::byte> packed(packed_bytes(difference.size(), width));
  for (std::size_t done = 0; done < x.size(); done += kOtChunk) {
    const std::size_t count = std::min(kOtChunk, x.size() - done);
    const PadPair pads = sender.next_chunk(count);
    for (std::size_t i = 0; i < count; ++i) {
      difference[i] = x[done + i] + pads.zero[i].lo - pads.one[i].lo;
      r[done + i] = pads.zero[i].lo & low_bits(width);
    }
    pack_values({difference.data(), count}, width, packed.data());
    sender.channel().send(std::span(packed.data(), packed_bytes(count, width)), kDifferences);
  }
  sender.channel().flush();
}

void ring_ot_receive(OtReceiver& receiver, unsigned width, std::span<const std::uint64_t> choices,
                     std::span<std::uint64_t> result) {
  require_width(width);
  require(choices.size() >= bit_words(result.size()), "ring OT: {} choice words for {} transfers",
          choices.size(), result.size());
  std::vector<std::uint64_t> difference(std::min(kOtChunk, result.size()));
  std::vector<std::byte> packed(packed_bytes(difference.size(), width));
  for (std::size_t batch = 0; batch < result.size(); batch += kOtBatch) {
    const std::size_t end = std::min(batch + kOtBatch, result.size());
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const auto pads =
          receiver.next_chunk(choices.subspan(done / 64), std::min(kOtChunk, end - done));
      for (std::size_t i = 0; i < pads.size(); ++i) result[done + i] = pads[i].lo;
    }
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const std::size_t count = std::min(kOtChunk, end - done);
      receiver.channel().receive(std::span(packed.data(), packed_bytes(count, width)),
                                 kDifferences);
      unpack_values(packed.data(), width, {difference.data(), count});
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t mask = 0 - bit_at(choices, done + i);
        result[done + i] = (result[done + i] + (difference[i] & mask)) & low_bits(width);
      }
    }
  }
}

void bit_ot_send(OtSender& sender, std::size_t count, std::span<const std::uint64_t> x,
                 std::span<std::uint64_t> r) {
  require_words(x.size(), r.size(), count);
  std::vector<std::uint64_t> difference(bit_words(std::min(kOtChunk, count)));
  for (std::size_t done = 0; done < count; done += kOtChunk) {
    const std::size_t chunk = std::min(kOtChunk, count - done);
    const PadPair pads = sender.next_chunk(chunk);
    first_bits(pads.zero, r.data() + done / 64);
    first_bits(pads.one, difference.data());
    for (std::size_t w = 0; w < bit_words(chunk); ++w)
      difference[w] ^= x[done / 64 + w] ^ r[done / 64 + w];
    if (chunk % 64 != 0) difference[chunk / 64] &= low_bits(chunk % 64);  // not the caller's spare
    sender.channel().send(std::as_bytes(std::span(difference)).first(bit_bytes(chunk)),
                          kBitDifferences);
  }
  sender.channel().flush();
}

void bit_ot_receive(OtReceiver& receiver, std::size_t count, std::span<const std::uint64_t> choices,
                    std::span<std::uint64_t> result) {
  require_words(choices.size(), result.size(), count);
  std::vector<std::uint64_t> difference(bit_words(std::min(kOtChunk, count)));
  for (std::size_t batch = 0; batch < count; batch += kOtBatch) {
    const std::size_t end = std::min(batch + kOtBatch, count);
    for (std::size_t done = batch; done < end; done += kOtChunk)
      first_bits(receiver.next_chunk(choices.subspan(done / 64), std::min(kOtChunk, end - done)),
                 result.data() + done / 64);
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const std::size_t chunk = std::min(kOtChunk, end - done);
      std::fill(difference.begin(), difference.end(), 0);
      receiver.channel().receive(
          std::as_writable_bytes(std::span(difference)).first(bit_bytes(chunk)), kBitDifferences);
      for (std::size_t w = 0; w < bit_words(chunk); ++w)
        result[done / 64 + w] ^= choices[done / 64 + w] & difference[w];
    }
  }
}

}  // namespace hush::mpc
