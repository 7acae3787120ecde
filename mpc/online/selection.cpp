#include "mpc/online/selection.h"

#include "mpc/online/ring_buffer.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {

Conversation select(Party& party, unsigned shift, std::span<const std::uint64_t> bits,
                    std::span<const Ring> x, std::span<Ring> y) {
  const std::size_t n = x.size();
  require(y.size() == n && bits.size() == bit_words(n), "select: {} words into {} by {} of bits", n,
          y.size(), bits.size());
  const Selections masks(party.take(Selections::request(n, shift)), shift);
  RingBuffer mine(n + bits.size());
  RingBuffer theirs(n + bits.size());
  const Ring positive = party.first() && shift != 0 ? kTruncationOffset : 0;
  for (std::size_t i = 0; i < n; ++i) mine[i] = x[i] + positive + masks.r[i];
  for (std::size_t i = 0; i < bits.size(); ++i) mine[n + i] = bits[i] ^ masks.bits[i];
  co_await exchange_of(mine, theirs);
  for (std::size_t i = 0; i < n; ++i) mine[i] += theirs[i];
  for (std::size_t i = n; i < mine.size(); ++i) mine[i] ^= theirs[i];
  finish_selection(
      party.first(), shift,
      {masks.r, masks.r_high, masks.r_sign, masks.value, masks.value_r, masks.value_sign},
      mine.part(0, n), mine.part(n, bits.size()), y);
}

Cost predict_select(std::size_t count) {
  return exchange_cost(ring_bytes(count) + packed_bit_bytes(count));
}

void demand_select(Demand& demand, unsigned shift, std::size_t count) {
  demand.add(Selections::request(count, shift));
}

void finish_selection(bool first, unsigned shift, const SelectionParts& parts,
                      std::span<const Ring> opened, std::span<const std::uint64_t> delta,
                      std::span<Ring> y) {
  const Ring one = first ? 1 : 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Ring chosen = bit_at(delta, i);
    // x and β x, both in the form offset - r + wrap · b.
    Ring x = 0;
    Ring beta_x = 0;
    if (shift == 0) {
      x = one * opened[i] - parts.r[i];
      beta_x = opened[i] * parts.value[i] - parts.value_r[i];
    } else {
      const TruncatedOpening opening(opened[i], shift);
      x = one * opening.offset - parts.r_high[i] + opening.wrap * parts.r_sign[i];
      beta_x =
          opening.offset * parts.value[i] - parts.value_r[i] + opening.wrap * parts.value_sign[i];
    }
    y[i] = chosen * x + (1 - 2 * chosen) * beta_x;
  }
}

}  // namespace hush::mpc
