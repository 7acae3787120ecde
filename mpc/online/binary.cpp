#include "mpc/online/binary.h"

#include "mpc/offline/correlations.h"
#include "mpc/online/ring_buffer.h"

namespace hush::mpc {
namespace {

constexpr unsigned kLevels = 6;  // log2(64)

// Bit 0 of every block of 2^(level+1) bits.
constexpr Ring block_starts(unsigned level) {
  return level == kLevels - 1 ? 1 : ~Ring{0} / ((Ring{1} << (2u << level)) - 1);
}
constexpr Ring upper_halves(unsigned level) {
  const unsigned half = 1u << level;
  return block_starts(level) * ((Ring{1} << half) - 1) << half;
}
// The last bit of each block's lower half, copied to the whole upper half.
constexpr Ring spread(Ring x, unsigned level) {
  const unsigned half = 1u << level;
  return (x >> (half - 1) & block_starts(level)) * ((Ring{1} << half) - 1) << half;
}
static_assert(upper_halves(0) == 0xAAAA'AAAA'AAAA'AAAA && upper_halves(5) == ~Ring{0} << 32);

}  // namespace

Conversation and_words(Party& party, std::span<const std::uint64_t> x,
                       std::span<const std::uint64_t> y, std::span<std::uint64_t> z) {
  const std::size_t n = x.size();
  require(y.size() == n && z.size() == n, "and: {} and {} words into {}", n, y.size(), z.size());
  const AndTriples triples(party.take(AndTriples::request(n)));
  RingBuffer mine(2 * n);
  RingBuffer theirs(2 * n);
  for (std::size_t i = 0; i < n; ++i) {
    mine[i] = x[i] ^ triples.a[i];
    mine[n + i] = y[i] ^ triples.b[i];
  }
  co_await exchange_of(mine, theirs);
  const Ring first = party.first() ? ~Ring{0} : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Ring d = mine[i] ^ theirs[i];
    const Ring e = mine[n + i] ^ theirs[n + i];
    z[i] = triples.c[i] ^ (d & triples.b[i]) ^ (e & triples.a[i]) ^ (first & d & e);
  }
}

Conversation arithmetic_to_binary(Party& party, std::span<const Ring> x,
                                  std::span<std::uint64_t> y) {
  const std::size_t n = x.size();
  require(y.size() == n, "binary: {} words into {}", n, y.size());
  // Each party's word is known to it alone: its binary shares are the word and 0.
  RingBuffer propagate(n);
  RingBuffer generate(n);
  RingBuffer left(2 * n);
  RingBuffer right(2 * n);
  for (std::size_t i = 0; i < n; ++i) {
    propagate[i] = x[i];
    left[i] = party.first() ? x[i] : 0;
    right[i] = party.first() ? 0 : x[i];
  }
  co_await and_words(party, left.part(0, n), right.part(0, n), std::span<Ring>(generate));
  for (unsigned level = 0; level < kLevels; ++level) {
    for (std::size_t i = 0; i < n; ++i) {
      left[i] = left[n + i] = propagate[i] & upper_halves(level);
      right[i] = spread(generate[i], level);
      right[n + i] = spread(propagate[i], level);
    }
    co_await and_words(party, std::span<const Ring>(left), std::span<const Ring>(right),
                       std::span<Ring>(left));
    for (std::size_t i = 0; i < n; ++i) {
      generate[i] ^= left[i];
      propagate[i] = (propagate[i] & ~upper_halves(level)) ^ left[n + i];
    }
  }
  for (std::size_t i = 0; i < n; ++i) y[i] = x[i] ^ generate[i] << 1;
}

Cost predict_arithmetic_to_binary(std::size_t count) {
  Cost cost = exchange_cost(2 * ring_bytes(count));
  for (unsigned level = 0; level < kLevels; ++level)
    cost = cost + exchange_cost(4 * ring_bytes(count));
  return cost;
}

void demand_arithmetic_to_binary(Demand& demand, std::size_t count) {
  demand.add(AndTriples::request(count));
  for (unsigned level = 0; level < kLevels; ++level) demand.add(AndTriples::request(2 * count));
}

Conversation binary_to_arithmetic(Party& party, std::span<const std::uint64_t> x,
                                  std::span<Ring> y) {
  require(y.size() == x.size(), "binary: {} words into {}", x.size(), y.size());
  RingBuffer bits(64 * x.size());
  co_await bits_to_ring(party, x, std::span<Ring>(bits));
  for (std::size_t i = 0; i < x.size(); ++i) {
    Ring sum = 0;
    for (unsigned j = 0; j < 64; ++j) sum += bits[64 * i + j] << j;
    y[i] = sum;
  }
}

Cost predict_binary_to_arithmetic(std::size_t count) {
  return predict_bits_to_ring(64 * count);
}

void demand_binary_to_arithmetic(Demand& demand, std::size_t count) {
  demand_bits_to_ring(demand, 64 * count);
}

Conversation bits_to_ring(Party& party, std::span<const std::uint64_t> bits, std::span<Ring> y,
                          bool word_a_bit) {
  const std::size_t n = y.size();
  require(bits.size() == bit_words(n), "bits: {} words for {} bits", bits.size(), n);
  const BitPairs pairs(party.take(BitPairs::request(n)));
  RingBuffer masked(bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) masked[i] = bits[i] ^ pairs.bits[i];
  RingBuffer mine(word_a_bit ? n : bits.size());
  RingBuffer theirs(mine.size());
  for (std::size_t i = 0; i < mine.size(); ++i)
    mine[i] = word_a_bit ? bit_at(std::span<const Ring>(masked), i) : masked[i];
  co_await exchange_of(mine, theirs);
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] ^= theirs[i];
  const std::span<const Ring> opened(mine);
  const Ring first = party.first() ? 1 : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Ring delta = word_a_bit ? opened[i] : bit_at(opened, i);
    y[i] = first * delta + (1 - 2 * delta) * pairs.value[i];
  }
}

Cost predict_bits_to_ring(std::size_t count, bool word_a_bit) {
  return exchange_cost(word_a_bit ? ring_bytes(count) : packed_bit_bytes(count));
}

void demand_bits_to_ring(Demand& demand, std::size_t count) {
  demand.add(BitPairs::request(count));
}

}  // namespace hush::mpc
