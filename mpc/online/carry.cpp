#include "mpc/online/carry.h"

#include <optional>

#include "mpc/offline/correlations.h"
#include "mpc/online/bit_slices.h"
#include "mpc/online/carry_evaluation.h"
#include "mpc/online/ring_buffer.h"

namespace hush::mpc {
namespace {

constexpr std::size_t kRadix = 4;

std::size_t joined_inputs(std::size_t inputs) {
  return (inputs + kRadix - 1) / kRadix;
}

// How many planes are opened for one level over `inputs` carries.
std::size_t opened_planes(std::size_t inputs) {
  std::size_t planes = 0;
  for (const CarryRun& run : carry_level(inputs))
    if (run.arity > 1)
      planes += run.groups * carry_group_terms(run.arity, run.propagate).inputs.size();
  return planes;
}

// Shares of the (generate, propagate) planes of a level, lowest first.
struct Carries {
  RingBuffer generate, propagate;
  std::size_t count, words;

  Carries(std::size_t planes, std::size_t words_a_plane)
      : generate(planes * words_a_plane),
        propagate(planes * words_a_plane),
        count(planes),
        words(words_a_plane) {}
  Ring* input(InputSet input, std::size_t group_begin) {
    const bool is_propagate = input < generate_input(0);
    const auto index = std::size_t(std::countr_zero(unsigned(input))) - (is_propagate ? 0 : 4);
    return (is_propagate ? propagate : generate).data() + (group_begin + index) * words;
  }
};

// One run with its correlation: masks the inputs, then joins them once they are open.
class RunInProgress {
 public:
  RunInProgress(Party& party, const CarryRun& run, std::size_t words)
      : run_(run), words_(words), evaluation_(run.arity, run.propagate) {
    const auto request = CarryGroups::request(run.groups * words, run.arity, run.propagate);
    shares_ = CarryGroups(party.take(request)).masks_and_products;
  }
  std::size_t planes() const { return run_.groups * evaluation_.terms().inputs.size(); }

  void mask(Carries& carries, Ring* out) const {
    const auto& inputs = evaluation_.terms().inputs;
    for (std::size_t group = 0; group < run_.groups; ++group)
      for (std::size_t k = 0; k < inputs.size(); ++k, out += words_) {
        const Ring* in = carries.input(inputs[k], run_.first_input + group * run_.arity);
        const Ring* mask = &shares_[k][group * words_];
        for (std::size_t i = 0; i < words_; ++i) out[i] = in[i] ^ mask[i];
      }
  }

  void join(bool first_party, std::span<const Ring> opened, Carries& from, Carries& to,
            std::size_t first_output) const {
    const std::size_t planes_a_group = evaluation_.terms().inputs.size();
    for (std::size_t group = 0; group < run_.groups; ++group) {
      const std::size_t top = run_.first_input + (group + 1) * run_.arity - 1;
      Ring* generate = to.generate.data() + (first_output + group) * words_;
      std::copy_n(from.generate.data() + top * words_, words_, generate);
      evaluation_.evaluate(first_party,
                           opened.subspan(group * planes_a_group * words_, planes_a_group * words_),
                           shares_, group * words_, words_, generate,
                           to.propagate.data() + (first_output + group) * words_);
    }
  }

 private:
  CarryRun run_;
  std::size_t words_;
  CarryGroupEvaluation evaluation_;
  std::vector<SecretWords> shares_;
};

// Round 1: the generate bits, from what each party knows of its own word.
Conversation cross_and(Party& party, std::span<const Ring> own, std::span<Ring> generate) {
  const CrossAnds masks(party.take(CrossAnds::request(own.size())));
  RingBuffer mine(own.size());
  RingBuffer theirs(own.size());
  for (std::size_t i = 0; i < own.size(); ++i) mine[i] = own[i] ^ masks.own[i];
  co_await exchange_of(mine, theirs);
  // x_0 x_1 = x_0 (x_1 ⊕ m_1) ⊕ (x_0 ⊕ m_0) m_1 ⊕ m_0 m_1
  for (std::size_t i = 0; i < own.size(); ++i)
    generate[i] = masks.c[i] ^ (party.first() ? own[i] & theirs[i] : theirs[i] & masks.own[i]);
}

// One level of the tree.
Conversation join_carries(Party& party, Carries& from, Carries& to) {
  std::vector<RunInProgress> runs;
  std::vector<std::size_t> outputs;
  std::size_t output = 0;
  std::size_t planes = 0;
  for (const CarryRun& run : carry_level(from.count)) {
    if (run.arity == 1) {
      std::copy_n(from.generate.data() + run.first_input * from.words, from.words,
                  to.generate.data() + output * from.words);
      std::copy_n(from.propagate.data() + run.first_input * from.words, from.words,
                  to.propagate.data() + output * from.words);
    } else {
      runs.emplace_back(party, run, from.words);
      outputs.push_back(output);
      planes += runs.back().planes();
    }
    output += run.groups;
  }
  RingBuffer mine(planes * from.words);
  RingBuffer theirs(planes * from.words);
  Ring* next = mine.data();
  for (const RunInProgress& run : runs) {
    run.mask(from, next);
    next += run.planes() * from.words;
  }
  co_await exchange_of(mine, theirs);
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] ^= theirs[i];
  std::size_t first = 0;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::size_t words = runs[r].planes() * from.words;
    runs[r].join(party.first(), mine.part(first, words), from, to, outputs[r]);
    first += words;
  }
}

}  // namespace

std::vector<CarryRun> carry_level(std::size_t inputs) {
  std::vector<CarryRun> runs;
  const std::size_t whole = inputs / kRadix;
  const auto rest = unsigned(inputs % kRadix);
  if (whole > 0) runs.push_back({kRadix, false, 1, 0});
  if (whole > 1) runs.push_back({kRadix, true, whole - 1, kRadix});
  if (rest > 0) runs.push_back({rest, whole > 0, 1, whole * kRadix});
  return runs;
}

Conversation nonnegative_by_carry(Party& party, unsigned width, std::span<const Ring> x,
                                  std::span<std::uint64_t> bits) {
  require(width >= 2 && width <= 64, "carry: width {} is not 2 to 64", width);
  const std::size_t words = bit_words(x.size());
  require(bits.size() == words, "carry: {} words for {} bits", bits.size(), x.size());
  const std::size_t below = width - 1;
  std::optional<Carries> carries(std::in_place, below + 1, words);
  slice_bits(x, width, std::span<Ring>(carries->propagate));
  std::copy_n(carries->propagate.data() + below * words, words, bits.data());  // the top bits
  carries->count = below;
  co_await cross_and(party, carries->propagate.part(0, below * words),
                     carries->generate.part(0, below * words));
  while (carries->count > 1) {
    Carries joined(joined_inputs(carries->count), words);
    co_await join_carries(party, *carries, joined);
    carries.emplace(std::move(joined));
  }
  const Ring flip = party.first() ? ~Ring{0} : 0;
  for (std::size_t i = 0; i < words; ++i) bits[i] ^= carries->generate[i] ^ flip;
}

Cost predict_nonnegative_by_carry(unsigned width, std::size_t count) {
  Cost cost = exchange_cost((width - 1) * packed_bit_bytes(count));
  for (std::size_t inputs = width - 1; inputs > 1; inputs = joined_inputs(inputs))
    cost = cost + exchange_cost(opened_planes(inputs) * packed_bit_bytes(count));
  return cost;
}

void demand_nonnegative_by_carry(Demand& demand, unsigned width, std::size_t count) {
  const std::size_t words = bit_words(count);
  demand.add(CrossAnds::request((width - 1) * words));
  for (std::size_t inputs = width - 1; inputs > 1; inputs = joined_inputs(inputs))
    for (const CarryRun& run : carry_level(inputs))
      if (run.arity > 1)
        demand.add(CarryGroups::request(run.groups * words, run.arity, run.propagate));
}

}  // namespace hush::mpc
