#include "mpc/ot/random_ot.h"

#include <algorithm>

#include "core/error.h"
#include "mpc/ot/bit_packing.h"

namespace hush::mpc {

OtSender::OtSender(Channel& channel, Generator& generator, OtExtension extension)
    : cot_(channel, generator, extension), hash_(cot_.session()), zero_(kOtChunk), one_(kOtChunk) {}

std::span<const Block> OtSender::next_correlations(std::size_t count) {
  hash_.start_batch(batch_++);
  return cot_.next_chunk(count);
}

PadPair OtSender::next_chunk(std::size_t count) {
  const std::span<const Block> q = next_correlations(count);
  hash_.hash(q, Block{}, std::span(zero_.data(), count));
  hash_.hash(q, cot_.delta(), std::span(one_.data(), count));
  return {{zero_.data(), count}, {one_.data(), count}};
}

void OtSender::random(std::span<Block> zero, std::span<Block> one) {
  require(zero.size() == one.size(), "random OT: {} and {} messages", zero.size(), one.size());
  for (std::size_t done = 0; done < zero.size(); done += kOtChunk) {
    const PadPair pads = next_chunk(std::min(kOtChunk, zero.size() - done));
    std::copy(pads.zero.begin(), pads.zero.end(), zero.data() + done);
    std::copy(pads.one.begin(), pads.one.end(), one.data() + done);
  }
}

void OtSender::random_bits(std::size_t count, std::span<std::uint64_t> zero,
                           std::span<std::uint64_t> one) {
  require(zero.size() >= bit_words(count) && one.size() >= bit_words(count),
          "random OT: {} and {} words for {} bits", zero.size(), one.size(), count);
  for (std::size_t done = 0; done < count; done += kOtChunk) {
    const PadPair pads = next_chunk(std::min(kOtChunk, count - done));
    first_bits(pads.zero, zero.data() + done / 64);
    first_bits(pads.one, one.data() + done / 64);
  }
}

OtReceiver::OtReceiver(Channel& channel, Generator& generator, OtExtension extension)
    : cot_(channel, generator, extension), hash_(cot_.session()), chosen_(kOtChunk) {}

std::span<const Block> OtReceiver::next_correlations(std::span<const std::uint64_t> choices,
                                                     std::size_t count) {
  hash_.start_batch(batch_++);
  return cot_.next_chunk(choices, count);
}

std::span<const Block> OtReceiver::next_chunk(std::span<const std::uint64_t> choices,
                                              std::size_t count) {
  const std::span<const Block> t = next_correlations(choices, count);
  hash_.hash(t, Block{}, std::span(chosen_.data(), count));
  return {chosen_.data(), count};
}

void OtReceiver::random(std::span<const std::uint64_t> choices, std::span<Block> chosen) {
  require(choices.size() >= bit_words(chosen.size()), "random OT: {} choice words for {} transfers",
          choices.size(), chosen.size());
  for (std::size_t done = 0; done < chosen.size(); done += kOtChunk) {
    const auto pads =
        next_chunk(choices.subspan(done / 64), std::min(kOtChunk, chosen.size() - done));
    std::copy(pads.begin(), pads.end(), chosen.data() + done);
  }
  channel().flush();
}

void OtReceiver::random_bits(std::span<const std::uint64_t> choices, std::size_t count,
                             std::span<std::uint64_t> chosen) {
  require(choices.size() >= bit_words(count) && chosen.size() >= bit_words(count),
          "random OT: {} choice and {} output words for {} bits", choices.size(), chosen.size(),
          count);
  for (std::size_t done = 0; done < count; done += kOtChunk)
    first_bits(next_chunk(choices.subspan(done / 64), std::min(kOtChunk, count - done)),
               chosen.data() + done / 64);
  channel().flush();
}

}  // namespace hush::mpc
