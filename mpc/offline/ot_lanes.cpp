#include "mpc/offline/ot_lanes.h"

#include <algorithm>

#include "mpc/ot/bit_packing.h"

namespace hush::mpc {
namespace {

constexpr Tag kBitLanes{0x0210};
constexpr Tag kRingLanes{0x0211};
constexpr std::size_t kChunkWords = kOtChunk / 64;

std::uint64_t chunks_of(std::size_t transfers) {
  return (transfers + kOtChunk - 1) / kOtChunk;
}

void require_bit_lanes(std::size_t lanes) {
  require(lanes >= 1 && lanes <= 64, "bit lanes by OT: {} lanes are not in 1..64", lanes);
}

// Word l gets bit l of the first words of 64 pads.
void slice_pads(std::span<const Block> pads, std::size_t group, std::uint64_t (&words)[64]) {
  for (std::size_t i = 0; i < 64; ++i) words[i] = pads[64 * group + i].lo;
  transpose_words(words);
}

// Calls body(first, count) for each chunk of [begin, end).
template <class Body>
void for_chunks(std::size_t begin, std::size_t end, Body body) {
  for (std::size_t first = begin; first < end; first += kOtChunk)
    body(first, std::min(kOtChunk, end - first));
}

// Calls ask for the chunks of a batch, then finish for the same chunks, batch by batch.
template <class Ask, class Finish>
void for_batches(std::size_t transfers, Ask ask, Finish finish) {
  for (std::size_t batch = 0; batch < transfers; batch += kOtBatch) {
    const std::size_t end = std::min(batch + kOtBatch, transfers);
    for_chunks(batch, end, ask);
    for_chunks(batch, end, finish);
  }
}

// Ring pads of the transfers of one chunk, stretched one transfer at a time.
class RingPads {
 public:
  explicit RingPads(std::size_t lanes) : pads_((lanes + 1) / 2), permuted_(kOtChunk) {}

  void load(const CorrelationRobustHash& hash, std::span<const Block> correlations, Block offset) {
    hash_ = &hash;
    hash.permute(correlations, offset, {permuted_.data(), correlations.size()});
  }
  const Ring* of(std::size_t transfer) {
    hash_->expand(permuted_[transfer], {pads_.data(), pads_.size()});
    return reinterpret_cast<const Ring*>(pads_.data());
  }

 private:
  SecretArray<Block> pads_;
  SecretArray<Block> permuted_;
  const CorrelationRobustHash* hash_ = nullptr;
};

}  // namespace

OtCost bit_lanes_cost(OtExtension extension, std::size_t words, std::size_t lanes) {
  OtCost cost = random_ot_cost(extension, 64 * std::uint64_t{words});
  cost.sender_bytes = std::uint64_t{words} * lanes * sizeof(std::uint64_t);
  cost.rounds = batch_rounds(chunks_of(64 * words));
  return cost;
}

std::vector<SecretWords> bit_lanes_send(OtSender& sender,
                                        const std::vector<const SecretWords*>& lanes) {
  require_bit_lanes(lanes.size());
  const std::size_t words = lanes[0]->size();
  std::vector<SecretWords> shares;
  for (const SecretWords* lane : lanes) {
    require(lane->size() == words, "bit lanes by OT: lanes of {} and {} words", words,
            lane->size());
    shares.emplace_back(words);
  }
  SecretWords message(std::min(kChunkWords, words) * lanes.size());
  std::uint64_t zero[64];
  std::uint64_t one[64];
  for_chunks(0, 64 * words, [&](std::size_t first, std::size_t count) {
    const PadPair pads = sender.next_chunk(count);
    std::size_t next = 0;
    for (std::size_t group = 0; group < count / 64; ++group) {
      slice_pads(pads.zero, group, zero);
      slice_pads(pads.one, group, one);
      const std::size_t word = first / 64 + group;
      for (std::size_t l = 0; l < lanes.size(); ++l) {
        shares[l][word] = zero[l];
        message[next++] = (*lanes[l])[word] ^ zero[l] ^ one[l];
      }
    }
    sender.channel().send_array(std::span(message.data(), next), kBitLanes);
  });
  sender.channel().flush();
  sodium_memzero(zero, sizeof zero);
  sodium_memzero(one, sizeof one);
  return shares;
}

std::vector<SecretWords> bit_lanes_receive(OtReceiver& receiver, const SecretWords& choices,
                                           std::size_t lanes) {
  require_bit_lanes(lanes);
  const std::size_t words = choices.size();
  std::vector<SecretWords> shares;
  for (std::size_t l = 0; l < lanes; ++l) shares.emplace_back(words);
  SecretWords message(std::min(kChunkWords, words) * lanes);
  std::uint64_t chosen[64];
  const auto ask = [&](std::size_t first, std::size_t count) {
    const auto pads =
        receiver.next_chunk(std::span(choices.data() + first / 64, count / 64), count);
    for (std::size_t group = 0; group < count / 64; ++group) {
      slice_pads(pads, group, chosen);
      for (std::size_t l = 0; l < lanes; ++l) shares[l][first / 64 + group] = chosen[l];
    }
  };
  const auto finish = [&](std::size_t first, std::size_t count) {
    receiver.channel().receive_array(std::span(message.data(), count / 64 * lanes), kBitLanes);
    for (std::size_t i = 0; i < count / 64 * lanes; ++i) {
      const std::size_t word = first / 64 + i / lanes;
      shares[i % lanes][word] ^= choices[word] & message[i];
    }
  };
  for_batches(64 * words, ask, finish);
  sodium_memzero(chosen, sizeof chosen);
  return shares;
}

OtCost ring_lanes_cost(OtExtension extension, std::size_t count, std::size_t lanes) {
  OtCost cost = random_ot_cost(extension, count);
  cost.sender_bytes = std::uint64_t{count} * lanes * sizeof(Ring);
  cost.rounds = batch_rounds(chunks_of(count));
  return cost;
}

SecretWords ring_lanes_send(OtSender& sender, const SecretWords& x, std::size_t lanes) {
  require(lanes >= 1 && x.size() % lanes == 0, "ring lanes by OT: {} values in {} lanes", x.size(),
          lanes);
  const std::size_t transfers = x.size() / lanes;
  SecretWords share(x.size());
  SecretWords message(std::min(kOtChunk, transfers) * lanes);
  RingPads zero_pads(lanes);
  RingPads one_pads(lanes);
  for_chunks(0, transfers, [&](std::size_t first, std::size_t count) {
    const auto correlations = sender.next_correlations(count);
    zero_pads.load(sender.hash(), correlations, Block{});
    one_pads.load(sender.hash(), correlations, sender.delta());
    for (std::size_t i = 0; i < count; ++i) {
      const Ring* zero = zero_pads.of(i);
      const Ring* one = one_pads.of(i);
      for (std::size_t l = 0; l < lanes; ++l) {
        const std::size_t at = (first + i) * lanes + l;
        share[at] = Ring{0} - zero[l];
        message[i * lanes + l] = x[at] + zero[l] - one[l];
      }
    }
    sender.channel().send_array(std::span(message.data(), count * lanes), kRingLanes);
  });
  sender.channel().flush();
  return share;
}

SecretWords ring_lanes_receive(OtReceiver& receiver, const SecretWords& choices, std::size_t count,
                               std::size_t lanes) {
  require(lanes >= 1 && choices.size() >= bit_words(count),
          "ring lanes by OT: {} choice words for {} transfers in {} lanes", choices.size(), count,
          lanes);
  SecretWords share(count * lanes);
  SecretWords message(std::min(kOtChunk, count) * lanes);
  RingPads pads(lanes);
  const std::span<const std::uint64_t> bits(choices.data(), choices.size());
  const auto ask = [&](std::size_t first, std::size_t chunk) {
    pads.load(receiver.hash(), receiver.next_correlations(bits.subspan(first / 64), chunk),
              Block{});
    for (std::size_t i = 0; i < chunk; ++i)
      std::copy_n(pads.of(i), lanes, share.data() + (first + i) * lanes);
  };
  const auto finish = [&](std::size_t first, std::size_t chunk) {
    receiver.channel().receive_array(std::span(message.data(), chunk * lanes), kRingLanes);
    for (std::size_t i = 0; i < chunk; ++i) {
      const Ring mask = Ring{0} - bit_at(bits, first + i);
      for (std::size_t l = 0; l < lanes; ++l)
        share[(first + i) * lanes + l] += message[i * lanes + l] & mask;
    }
  };
  for_batches(count, ask, finish);
  return share;
}

}  // namespace hush::mpc
