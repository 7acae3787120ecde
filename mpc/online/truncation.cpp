#include "mpc/online/truncation.h"

#include "mpc/online/ring_buffer.h"

namespace hush::mpc {

Conversation truncate(Party& party, unsigned shift, std::span<const Ring> x, std::span<Ring> y) {
  require(x.size() == y.size(), "truncate: {} words into {}", x.size(), y.size());
  const Truncations masks(party.take(Truncations::request(x.size(), shift)));
  RingBuffer mine(x.size());
  RingBuffer theirs(x.size());
  const Ring positive = party.first() ? kTruncationOffset : 0;
  for (std::size_t i = 0; i < x.size(); ++i) mine[i] = x[i] + positive + masks.r[i];
  co_await exchange_of(mine, theirs);
  const Ring first = party.first() ? 1 : 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const TruncatedOpening opening(mine[i] + theirs[i], shift);
    y[i] = first * opening.offset - masks.r_high[i] + opening.wrap * masks.r_sign[i];
  }
}

Cost predict_truncate(std::size_t count) {
  return exchange_cost(ring_bytes(count));
}

void demand_truncate(Demand& demand, unsigned shift, std::size_t count) {
  demand.add(Truncations::request(count, shift));
}

Conversation truncate_square(Party& party, unsigned shift, std::span<const Ring> x,
                             std::span<Ring> y, std::span<Ring> y2) {
  require(x.size() == y.size() && x.size() == y2.size(), "truncate_square: {} words into {} and {}",
          x.size(), y.size(), y2.size());
  const TruncatedSquares masks(party.take(TruncatedSquares::request(x.size(), shift)));
  RingBuffer mine(x.size());
  RingBuffer theirs(x.size());
  const Ring positive = party.first() ? kTruncationOffset : 0;
  for (std::size_t i = 0; i < x.size(); ++i) mine[i] = x[i] + positive + masks.r[i];
  co_await exchange_of(mine, theirs);
  const Ring first = party.first() ? 1 : 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [e, wrap] = TruncatedOpening(mine[i] + theirs[i], shift);
    const Ring a = masks.r_high[i] - wrap * masks.r_sign[i];
    const Ring a_squared = masks.square[i] + wrap * (wrap * masks.r_sign[i] - 2 * masks.cross[i]);
    y[i] = first * e - a;
    y2[i] = e * (first * e - 2 * a) + a_squared;
  }
}

Cost predict_truncate_square(std::size_t count) {
  return exchange_cost(ring_bytes(count));
}

void demand_truncate_square(Demand& demand, unsigned shift, std::size_t count) {
  demand.add(TruncatedSquares::request(count, shift));
}

void truncate_local(const Party& party, unsigned shift, std::span<const Ring> x,
                    std::span<Ring> y) {
  require(x.size() == y.size() && shift < 64, "truncate: {} words into {} by {} bits", x.size(),
          y.size(), shift);
  // Party 1 shifts the negated share, so that the parts' magnitudes cancel: exact to 1 ulp unless
  // the sum of the parts wraps around.
  const bool first = party.first();
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = first ? x[i] >> shift : 0 - ((0 - x[i]) >> shift);
}

}  // namespace hush::mpc
