#include "mpc/offline/ot_prediction.h"

#include "mpc/channel/sha256.h"
#include "mpc/offline/carry_group.h"
#include "mpc/offline/correlations.h"
#include "mpc/offline/ot_lanes.h"
#include "mpc/offline/ot_products.h"
#include "mpc/offline/ot_provider.h"
#include "mpc/ot/base_ot.h"
#include "mpc/ot/gilboa.h"
#include "mpc/ot/ring_ot.h"

namespace hush::mpc {
namespace {

// The conversation as it will be, on the logical clocks of Traffic::rounds. Its functions mirror
// those of OtPair.
class Rehearsal {
 public:
  explicit Rehearsal(OtExtension extension) : extension_(extension) {}

  Cost cost() const { return {std::max(clock_[0], clock_[1]), bytes_}; }

  void exchange(std::uint64_t bytes0, std::uint64_t bytes1) {
    bytes_[0] += bytes0;
    bytes_[1] += bytes1;
    const auto before = clock_;
    for (const std::size_t p : {0, 1}) clock_[p] = std::max(before[p], before[1 - p] + 1);
  }
  void message(int from, std::uint64_t bytes) {
    bytes_[std::size_t(from)] += bytes;
    auto& to = clock_[std::size_t(1 - from)];
    to = std::max(to, clock_[std::size_t(from)] + 1);
  }
  // A protocol of folder ot: the receiver asks and, but for random OT, the sender replies.
  void transfers(int sender, const OtCost& cost) {
    bytes_[std::size_t(sender)] += cost.sender_bytes;
    bytes_[std::size_t(1 - sender)] += cost.receiver_bytes;
    for (std::uint64_t round = 0; round < cost.rounds; ++round)
      message(round % 2 == 0 ? 1 - sender : sender, 0);
  }
  void setup() {
    for (const int sender : {0, 1}) setup(sender);
  }
  void random_bits(int sender, std::uint64_t words) {
    transfers(sender, random_ot_cost(extension_, 64 * words));
  }
  void bits_to_ring(std::uint64_t count) { transfers(0, ring_ot_cost(extension_, count, 63)); }
  void square(std::uint64_t count) { transfers(0, gilboa_cost(extension_, count, 63, 63)); }
  void multiply_by_bits(std::uint64_t count, std::size_t lanes, bool value) {
    transfers(0, ring_lanes_cost(extension_, count, lanes + (value ? 1 : 0)));
    transfers(1, ring_lanes_cost(extension_, count, lanes));
  }
  // Masks of random bits, in the portions that the provider works in.
  void truncation_masks(std::uint64_t count) {
    for (std::uint64_t done = 0; done < count; done += kOtMaskPortion)
      bits_to_ring(64 * std::min<std::uint64_t>(kOtMaskPortion, count - done));
  }
  void carry_groups(const CorrelationRequest& request) {
    const CarryGroupTerms terms = carry_group_terms(request.arity, request.propagate);
    for (unsigned i = 1; i < request.arity; ++i) {
      const std::size_t lanes = products_led_by(terms, i).size();
      for (const int sender : {0, 1})
        transfers(sender, bit_lanes_cost(extension_, request.count, lanes));
    }
  }
  void product(const CorrelationRequest& request) {
    const MatrixForm form = matrix_form(request);
    const OtCost cost = form.elementwise ? gilboa_cost(extension_, form.shape.rows, 64, 64)
                                         : matrix_product_cost(extension_, form.shape, 64, 64);
    for (const int sender : {0, 1})
      for (std::size_t group = 0; group < form.groups; ++group)
        if (sender == 0 || request.ownership == Ownership::shared) transfers(sender, cost);
  }
  void selections(const CorrelationRequest& request) {
    if (request.shift != 0) truncation_masks(request.count);
    multiply_by_bits(request.count, request.shift != 0 ? 2 : 1, true);
  }

  void answer(const CorrelationRequest& request) {
    switch (request.kind) {
      case CorrelationKind::square_pairs:
        return square(request.count);
      case CorrelationKind::product:
        return product(request);
      case CorrelationKind::weight_mask:
        return;
      case CorrelationKind::cross_ands:
        return random_bits(0, request.count);
      case CorrelationKind::and_triples:
        random_bits(0, request.count);
        return random_bits(1, request.count);
      case CorrelationKind::carry_groups:
        return carry_groups(request);
      case CorrelationKind::bit_pairs:
        return bits_to_ring(request.count);
      case CorrelationKind::selections:
        return selections(request);
      case CorrelationKind::truncations:
        return truncation_masks(request.count);
      case CorrelationKind::truncated_squares:
        truncation_masks(request.count);
        square(request.count);
        return multiply_by_bits(request.count, 1, false);
      case CorrelationKind::comparisons:
        throw ArgumentError(
            "OT provider: it makes no keys of comparison functions; use a dealer, or the carry "
            "protocol for comparisons");
    }
    throw ArgumentError(fmt::format("OT provider: unknown kind {}", int(request.kind)));
  }

 private:
  void setup(int sender) {
    const OtCost base = base_ot_cost(128);
    const std::uint64_t trees = cot_setup_cost(extension_).receiver_bytes - base.sender_bytes;
    const std::uint64_t points = base.receiver_bytes;
    exchange(sender == 0 ? points : base.sender_bytes, sender == 0 ? base.sender_bytes : points);
    if (trees != 0) message(1 - sender, trees);
  }

  OtExtension extension_;
  std::array<std::uint64_t, 2> clock_{};
  std::array<std::uint64_t, 2> bytes_{};
};

}  // namespace

Cost predict_ot_setup(OtExtension extension) {
  Rehearsal rehearsal(extension);
  rehearsal.setup();
  return rehearsal.cost();
}

Cost predict_ot(OtExtension extension, const Demand& demand) {
  Rehearsal rehearsal(extension);
  rehearsal.setup();  // leaves the parties' clocks apart
  const Cost setup = rehearsal.cost();
  rehearsal.exchange(sizeof(Digest), sizeof(Digest));
  for (const CorrelationRequest& request : demand.requests()) rehearsal.answer(request);
  const Cost all = rehearsal.cost();
  return {all.rounds - setup.rounds,
          {all.bytes_sent[0] - setup.bytes_sent[0], all.bytes_sent[1] - setup.bytes_sent[1]}};
}

}  // namespace hush::mpc
