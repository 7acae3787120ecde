#include "mpc/online/truncation.h"

#include <algorithm>

#include "mpc/online/quadratic_kernels.h"
#include "mpc/online/ring_buffer.h"

namespace hush::mpc {
namespace {

// Calls f(place, number, count) for the runs of all images, where `number` counts their elements.
template <class F>
void for_runs(std::span<const ElementRun> runs, std::size_t image, std::size_t words, F f) {
  std::size_t number = 0;
  for (std::size_t start = 0; start < words; start += image)
    for (const ElementRun& run : runs) {
      f(start + run.first, number, std::size_t(run.count));
      number += run.count;
    }
}

}  // namespace

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

Conversation truncate_quadratic(Party& party, unsigned shift, ChannelQuadratics coefficients,
                                std::span<const ElementRun> runs, std::size_t image,
                                std::span<const Ring> x, std::span<Ring> y) {
  const std::size_t channels = coefficients.c2.size();
  require(x.size() == y.size() && image > 0 && x.size() % image == 0 && channels > 0 &&
              image % channels == 0 && coefficients.c1.size() == channels &&
              coefficients.c0.size() == channels,
          "truncate_quadratic: {} words into {}, images of {} with {} channels", x.size(), y.size(),
          image, channels);
  std::size_t count = 0;
  for (const ElementRun& run : runs) {
    require(std::size_t(run.first) + run.count <= image,
            "truncate_quadratic: elements {} to {} of an image of {}", run.first,
            std::size_t(run.first) + run.count, image);
    count += run.count;
  }
  count *= x.size() / image;
  const TruncatedSquares masks(party.take(TruncatedSquares::request(count, shift)));
  RingBuffer mine(count);
  RingBuffer theirs(count);
  const Ring positive = party.first() ? kTruncationOffset : 0;
  for_runs(runs, image, x.size(), [&](std::size_t place, std::size_t number, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      mine[number + i] = x[place + i] + positive + masks.r[number + i];
  });
  co_await exchange_of(mine, theirs);
  for_runs(runs, image, x.size(), [&](std::size_t place, std::size_t number, std::size_t size) {
    // Up to the last channel of a pixel at a time.
    for (std::size_t done = 0; done < size;) {
      const std::size_t channel = (place + done) % channels, at = number + done;
      const std::size_t part = std::min(channels - channel, size - done);
      finish_quadratic({.count = part,
                        .mine = mine.data() + at,
                        .theirs = theirs.data() + at,
                        .r_high = masks.r_high.data() + at,
                        .r_sign = masks.r_sign.data() + at,
                        .square = masks.square.data() + at,
                        .cross = masks.cross.data() + at,
                        .c2 = coefficients.c2.data() + channel,
                        .c1 = coefficients.c1.data() + channel,
                        .c0 = coefficients.c0.data() + channel,
                        .shift = shift,
                        .first = party.first(),
                        .y = y.data() + place + done});
      done += part;
    }
  });
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
