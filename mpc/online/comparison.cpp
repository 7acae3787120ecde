#include "mpc/online/comparison.h"

#include "mpc/dcf/dcf.h"
#include "mpc/offline/correlations.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/selection.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {
namespace {

std::span<const Block> blocks_of(const SecretWords& words) {
  return {reinterpret_cast<const Block*>(words.data()), words.size() / 2};
}

DcfBatch batch_of(const CorrelationRequest& request, const Comparisons& keys) {
  return {DcfShape{request.width - 1, comparison_lanes(request) / 2}, request.count,
          Block{keys.hash_key[0], keys.hash_key[1]}, blocks_of(keys.corrections)};
}

// The public offset that keeps a truncated value positive; see truncation.h.
Ring offset_of(unsigned shift) {
  return shift == 0 ? 0 : kTruncationOffset;
}

// Where the comparison function is evaluated: the opened number without offset and dropped bits.
RingBuffer points_of(unsigned shift, std::span<const Ring> opened) {
  RingBuffer points(opened.size());
  const Ring offset = offset_of(shift) >> shift;
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = (opened[i] >> shift) - offset;
  return points;
}

// Opens x + offset + r.
Conversation open_masked(Party& party, unsigned shift, std::span<const Ring> x,
                         const SecretWords& r, std::span<Ring> opened) {
  RingBuffer mine(x.size());
  RingBuffer theirs(x.size());
  const Ring positive = party.first() ? offset_of(shift) : 0;
  for (std::size_t i = 0; i < x.size(); ++i) mine[i] = x[i] + positive + r[i];
  co_await exchange_of(mine, theirs);
  for (std::size_t i = 0; i < x.size(); ++i) opened[i] = mine[i] + theirs[i];
}

// Shares of x >= 0 from the opened x̂.
void sign_bits(bool first, const CorrelationRequest& request, const Comparisons& keys,
               std::span<const Ring> opened, std::span<std::uint64_t> bits) {
  const RingBuffer points = points_of(request.shift, opened);
  dcf_evaluate_bits(batch_of(request, keys), first ? 0 : 1, blocks_of(keys.roots),
                    std::span<const Ring>(points), bits);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] ^= keys.k_bits[i];
  if (!first) return;
  for (std::size_t i = 0; i < points.size(); ++i)
    bits[i / 64] ^= (points[i] >> (request.width - 1) & 1) << (i % 64);
}

}  // namespace

Conversation relu_by_dcf(Party& party, unsigned width, unsigned shift, std::span<const Ring> x,
                         std::span<Ring> y) {
  const std::size_t n = x.size();
  require(y.size() == n, "relu: {} words into {}", n, y.size());
  const auto request = Comparisons::request(n, width, shift, ComparisonOutput::product);
  const Comparisons keys(party.take(request), request);
  RingBuffer opened(n);
  co_await open_masked(party, shift, x, keys.r, std::span<Ring>(opened));

  const RingBuffer points = points_of(shift, std::span<const Ring>(opened));
  const std::size_t lanes = comparison_lanes(request);
  SecretWords values(lanes * n, Unfilled{});
  dcf_evaluate_values(batch_of(request, keys), party.id(), blocks_of(keys.roots),
                      std::span<const Ring>(points), values);
  const Ring first = party.first() ? 1 : 0;
  for (std::size_t i = 0; i < n; ++i) {
    // Shares of c (1, v_1, v_2), where c = (x >= 0) ⊕ m: all that x is made of, times c.
    const Ring* value = &values[lanes * i];
    const Ring* offset = &keys.offsets[lanes * i];
    const Ring c = value[0] + offset[0];
    const Ring c_r = value[1] + offset[1];
    Ring whole = 0;
    Ring c_x = 0;
    if (shift == 0) {
      whole = x[i];
      c_x = opened[i] * c - c_r;
    } else {
      const TruncatedOpening opening(opened[i], shift);
      whole = first * opening.offset - keys.r_high[i] + opening.wrap * keys.r_sign[i];
      c_x = opening.offset * c - c_r + opening.wrap * (value[2] + offset[2]);
    }
    const Ring m = points[i] >> (request.width - 1) & 1;
    y[i] = m * whole + (1 - 2 * m) * c_x;
  }
}

Conversation relu_by_dcf_and_selection(Party& party, unsigned width, unsigned shift,
                                       std::span<const Ring> x, std::span<Ring> y) {
  const std::size_t n = x.size();
  require(y.size() == n, "relu: {} words into {}", n, y.size());
  const auto request = Comparisons::request(n, width, shift, ComparisonOutput::select);
  const Comparisons keys(party.take(request), request);
  RingBuffer opened(n);
  co_await open_masked(party, shift, x, keys.r, std::span<Ring>(opened));

  RingBuffer mine(bit_words(n));
  RingBuffer theirs(bit_words(n));
  sign_bits(party.first(), request, keys, std::span<const Ring>(opened), std::span<Ring>(mine));
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] ^= keys.bits[i];
  co_await exchange_of(mine, theirs);
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] ^= theirs[i];
  finish_selection(party.first(), shift,
                   {keys.r, keys.r_high, keys.r_sign, keys.value, keys.value_r, keys.value_sign},
                   std::span<const Ring>(opened), std::span<const Ring>(mine), y);
}

Conversation nonnegative_by_dcf(Party& party, unsigned width, std::span<const Ring> x,
                                std::span<std::uint64_t> bits) {
  require(bits.size() == bit_words(x.size()), "comparison: {} words for {} bits", bits.size(),
          x.size());
  const auto request = Comparisons::request(x.size(), width, 0, ComparisonOutput::bit);
  const Comparisons keys(party.take(request), request);
  RingBuffer opened(x.size());
  co_await open_masked(party, 0, x, keys.r, std::span<Ring>(opened));
  sign_bits(party.first(), request, keys, std::span<const Ring>(opened), bits);
}

}  // namespace hush::mpc
