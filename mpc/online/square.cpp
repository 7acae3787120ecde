#include "mpc/online/square.h"

#include "mpc/offline/correlations.h"
#include "mpc/online/ring_buffer.h"

namespace hush::mpc {

Conversation square(Party& party, std::span<const Ring> x, std::span<Ring> y) {
  require(x.size() == y.size(), "square: {} words into {}", x.size(), y.size());
  const SquarePairs pairs(party.take(SquarePairs::request(x.size())));
  RingBuffer theirs(x.size());
  // y first holds what is said: large tensors are bound by memory, not by arithmetic.
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] - pairs.a[i];
  co_await exchange_of(y, theirs);
  const Ring first = party.first() ? ~Ring{0} : 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Ring e = y[i] + theirs[i];
    y[i] = pairs.a_squared[i] + e * (2 * pairs.a[i] + (first & e));
  }
}

Cost predict_square(std::size_t count) {
  return exchange_cost(ring_bytes(count));
}

void demand_square(Demand& demand, std::size_t count) {
  demand.add(SquarePairs::request(count));
}

Conversation quadratic(Party& party, Quadratic coefficients, std::span<const Ring> x,
                       std::span<Ring> y) {
  co_await quadratic(party, std::span<const Quadratic>(&coefficients, 1), x, y);
}

Conversation quadratic(Party& party, std::span<const Quadratic> channels, std::span<const Ring> x,
                       std::span<Ring> y) {
  require(!channels.empty() && x.size() % channels.size() == 0,
          "quadratic: {} words are not rows of {} channels", x.size(), channels.size());
  RingBuffer squares(x.size());
  co_await square(party, x, std::span<Ring>(squares));
  const Ring first = party.first() ? 1 : 0;
  for (std::size_t row = 0; row < x.size(); row += channels.size())
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const Quadratic& q = channels[c];
      y[row + c] = q.c2 * squares[row + c] + q.c1 * x[row + c] + first * q.c0;
    }
}

}  // namespace hush::mpc
