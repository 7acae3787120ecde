#include "mpc/ot/chosen_ot.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "mpc/ot/bit_packing.h"

namespace hush::mpc {
namespace {

constexpr Tag kMaskedBlocks{0x0120};
constexpr Tag kMaskedValues{0x0121};

void require_width(unsigned width) {
  require(width >= 1 && width <= 64, "chosen OT: width {} is not in 1..64", width);
}

void require_choices(std::size_t words, std::size_t count) {
  require(words >= bit_words(count), "chosen OT: {} choice words for {} transfers", words, count);
}

}  // namespace

OtCost chosen_ot_cost(OtExtension extension, std::uint64_t count, unsigned width) {
  OtCost cost = random_ot_cost(extension, count);
  const std::uint64_t chunks = count / kOtChunk;
  cost.sender_bytes =
      2 * (chunks * packed_bytes(kOtChunk, width) + packed_bytes(count % kOtChunk, width));
  cost.rounds = batch_rounds((count + kOtChunk - 1) / kOtChunk);
  return cost;
}

void chosen_ot_send(OtSender& sender, std::span<const Block> zero, std::span<const Block> one) {
  require(zero.size() == one.size(), "chosen OT: {} and {} messages", zero.size(), one.size());
  std::vector<Block> masked(2 * std::min(kOtChunk, zero.size()));
  for (std::size_t done = 0; done < zero.size(); done += kOtChunk) {
    const std::size_t count = std::min(kOtChunk, zero.size() - done);
    const PadPair pads = sender.next_chunk(count);
    for (std::size_t i = 0; i < count; ++i) masked[i] = zero[done + i] ^ pads.zero[i];
    for (std::size_t i = 0; i < count; ++i) masked[count + i] = one[done + i] ^ pads.one[i];
    sender.channel().send_array(std::span(masked.data(), 2 * count), kMaskedBlocks);
  }
  sender.channel().flush();
}

void chosen_ot_receive(OtReceiver& receiver, std::span<const std::uint64_t> choices,
                       std::span<Block> chosen) {
  require_choices(choices.size(), chosen.size());
  std::vector<Block> masked(2 * std::min(kOtChunk, chosen.size()));
  for (std::size_t batch = 0; batch < chosen.size(); batch += kOtBatch) {
    const std::size_t end = std::min(batch + kOtBatch, chosen.size());
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const auto pads =
          receiver.next_chunk(choices.subspan(done / 64), std::min(kOtChunk, end - done));
      std::copy(pads.begin(), pads.end(), chosen.data() + done);
    }
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const std::size_t count = std::min(kOtChunk, end - done);
      receiver.channel().receive_array(std::span(masked.data(), 2 * count), kMaskedBlocks);
      for (std::size_t i = 0; i < count; ++i) {
        const Block mask = mask_of(bit_at(choices, done + i) != 0);
        chosen[done + i] ^= masked[i] ^ ((masked[i] ^ masked[count + i]) & mask);
      }
    }
  }
}

void chosen_ot_send(OtSender& sender, unsigned width, std::span<const std::uint64_t> zero,
                    std::span<const std::uint64_t> one) {
  require_width(width);
  require(zero.size() == one.size(), "chosen OT: {} and {} messages", zero.size(), one.size());
  std::vector<std::uint64_t> masked(std::min(kOtChunk, zero.size()));
  std::vector<std::byte> packed(2 * packed_bytes(masked.size(), width));
  for (std::size_t done = 0; done < zero.size(); done += kOtChunk) {
    const std::size_t count = std::min(kOtChunk, zero.size() - done);
    const std::size_t half = packed_bytes(count, width);
    const PadPair pads = sender.next_chunk(count);
    for (std::size_t i = 0; i < count; ++i) masked[i] = zero[done + i] ^ pads.zero[i].lo;
    pack_values({masked.data(), count}, width, packed.data());
    for (std::size_t i = 0; i < count; ++i) masked[i] = one[done + i] ^ pads.one[i].lo;
    pack_values({masked.data(), count}, width, packed.data() + half);
    sender.channel().send(std::span(packed.data(), 2 * half), kMaskedValues);
  }
  sender.channel().flush();
}

void chosen_ot_receive(OtReceiver& receiver, unsigned width, std::span<const std::uint64_t> choices,
                       std::span<std::uint64_t> chosen) {
  require_width(width);
  require_choices(choices.size(), chosen.size());
  const std::size_t most = std::min(kOtChunk, chosen.size());
  std::vector<std::uint64_t> zero(most);
  std::vector<std::uint64_t> one(most);
  std::vector<std::byte> packed(2 * packed_bytes(most, width));
  for (std::size_t batch = 0; batch < chosen.size(); batch += kOtBatch) {
    const std::size_t end = std::min(batch + kOtBatch, chosen.size());
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const auto pads =
          receiver.next_chunk(choices.subspan(done / 64), std::min(kOtChunk, end - done));
      for (std::size_t i = 0; i < pads.size(); ++i) chosen[done + i] = pads[i].lo;
    }
    for (std::size_t done = batch; done < end; done += kOtChunk) {
      const std::size_t count = std::min(kOtChunk, end - done);
      const std::size_t half = packed_bytes(count, width);
      receiver.channel().receive(std::span(packed.data(), 2 * half), kMaskedValues);
      unpack_values(packed.data(), width, {zero.data(), count});
      unpack_values(packed.data() + half, width, {one.data(), count});
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t mask = 0 - bit_at(choices, done + i);
        chosen[done + i] ^= zero[i] ^ ((zero[i] ^ one[i]) & mask);
        chosen[done + i] &= low_bits(width);
      }
    }
  }
}

}  // namespace hush::mpc
