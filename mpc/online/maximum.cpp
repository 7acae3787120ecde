#include "mpc/online/maximum.h"

#include <utility>

#include "mpc/online/ring_buffer.h"
#include "mpc/online/selection.h"

namespace hush::mpc {
namespace {

void check(const ReluOptions& options, std::size_t columns) {
  require(options.shift == 0, "maximum: a shift of {} is not supported", options.shift);
  require(columns > 0, "maximum: rows without columns");
}

// One level: [rows][columns] in, pairs compared, [rows][⌈columns / 2⌉] out; an odd last column
// goes on unchallenged.
struct Level {
  std::size_t rows, columns;

  std::size_t pairs() const { return rows * (columns / 2); }
  std::size_t next_columns() const { return (columns + 1) / 2; }

  // Party's shares of left minus right neighbour, of every pair.
  void differences(std::span<const Ring> x, std::span<Ring> difference) const {
    for_each_pair([&](std::size_t pair, std::size_t left, std::size_t /*out*/) {
      difference[pair] = x[left] - x[left + 1];
    });
  }
  // The right neighbour plus what the left one wins by; in place, front to back.
  void advance(std::span<Ring> x, std::span<const Ring> gain) const {
    for_each_pair([&](std::size_t pair, std::size_t left,
                      std::size_t out) { x[out] = x[left + 1] + gain[pair]; },
                  [&](std::size_t last, std::size_t out) { x[out] = x[last]; });
  }

 private:
  template <class Pair>
  void for_each_pair(Pair pair) const {
    for_each_pair(pair, [](std::size_t, std::size_t) {});
  }
  template <class Pair, class Single>
  void for_each_pair(Pair pair, Single single) const {
    const std::size_t half = columns / 2;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t k = 0; k < half; ++k)
        pair(row * half + k, row * columns + 2 * k, row * next_columns() + k);
      if (columns % 2 == 1) single(row * columns + columns - 1, row * next_columns() + half);
    }
  }
};

// The same packed bits twice, one copy after the other.
void repeat_bits(std::span<const std::uint64_t> bits, std::size_t count,
                 std::span<std::uint64_t> twice) {
  std::fill(twice.begin(), twice.end(), 0);
  for (std::size_t i = 0; i < 2 * count; ++i) twice[i / 64] |= bit_at(bits, i % count) << (i % 64);
}

}  // namespace

Conversation maximum(Party& party, ReluOptions options, std::size_t columns,
                     std::span<const Ring> x, std::span<Ring> y) {
  check(options, columns);
  require(x.size() == y.size() * columns, "maximum: {} words are not {} rows of {}", x.size(),
          y.size(), columns);
  RingBuffer work(x.size());
  std::copy(x.begin(), x.end(), work.begin());
  for (Level level{y.size(), columns}; level.columns > 1; level.columns = level.next_columns()) {
    RingBuffer gain(level.pairs());
    level.differences(std::span<const Ring>(work), std::span<Ring>(gain));
    co_await relu(party, options, std::span<const Ring>(gain), std::span<Ring>(gain));
    level.advance(std::span<Ring>(work), std::span<const Ring>(gain));
  }
  std::copy_n(work.begin(), y.size(), y.begin());
}

Cost predict_maximum(const ReluOptions& options, std::size_t rows, std::size_t columns) {
  Cost cost;
  for (Level level{rows, columns}; level.columns > 1; level.columns = level.next_columns())
    cost = cost + predict_relu(options, level.pairs());
  return cost;
}

void demand_maximum(Demand& demand, const ReluOptions& options, std::size_t rows,
                    std::size_t columns) {
  check(options, columns);
  for (Level level{rows, columns}; level.columns > 1; level.columns = level.next_columns())
    demand_relu(demand, options, level.pairs());
}

Conversation argmax(Party& party, ReluOptions options, std::size_t columns, std::span<const Ring> x,
                    std::span<Ring> index) {
  check(options, columns);
  require(x.size() == index.size() * columns, "argmax: {} words are not {} rows of {}", x.size(),
          index.size(), columns);
  RingBuffer values(x.size());
  RingBuffer indices(x.size());
  std::copy(x.begin(), x.end(), values.begin());
  for (std::size_t i = 0; i < x.size(); ++i) indices[i] = party.first() ? i % columns : 0;
  for (Level level{index.size(), columns}; level.columns > 1;
       level.columns = level.next_columns()) {
    const std::size_t pairs = level.pairs();
    RingBuffer gain(2 * pairs);
    level.differences(std::span<const Ring>(values), gain.part(0, pairs));
    level.differences(std::span<const Ring>(indices), gain.part(pairs, pairs));
    RingBuffer bits(bit_words(pairs));
    co_await nonnegative(party, options, gain.part(0, pairs), std::span<Ring>(bits));
    RingBuffer twice(bit_words(2 * pairs));
    repeat_bits(std::span<const Ring>(bits), pairs, std::span<Ring>(twice));
    co_await select(party, 0, std::span<const Ring>(twice), std::span<const Ring>(gain),
                    std::span<Ring>(gain));
    level.advance(std::span<Ring>(values), gain.part(0, pairs));
    level.advance(std::span<Ring>(indices), gain.part(pairs, pairs));
  }
  std::copy_n(indices.begin(), index.size(), index.begin());
}

Cost predict_argmax(const ReluOptions& options, std::size_t rows, std::size_t columns) {
  Cost cost;
  for (Level level{rows, columns}; level.columns > 1; level.columns = level.next_columns())
    cost = cost + predict_nonnegative(options, level.pairs()) + predict_select(2 * level.pairs());
  return cost;
}

void demand_argmax(Demand& demand, const ReluOptions& options, std::size_t rows,
                   std::size_t columns) {
  check(options, columns);
  for (Level level{rows, columns}; level.columns > 1; level.columns = level.next_columns()) {
    demand_nonnegative(demand, options, level.pairs());
    demand_select(demand, 0, 2 * level.pairs());
  }
}

}  // namespace hush::mpc
