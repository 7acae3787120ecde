// Correlated randomness from oblivious transfer: the two servers alone, no third party. What each
// learns is what the OT protocols of mpc/ot reveal: nothing (semi-honest, computationally).
//
// clang-format off
// | kind              | how                                                   | transfers each      |
// | ----------------- | ----------------------------------------------------- | ------------------- |
// | cross_ands        | random OT of bits, no reply                           | 1 a bit             |
// | and_triples       | the same, both ways                                   | 2 a bit             |
// | carry_groups      | the products led by p_1, then p_2, …: one OT of the   | 2, 4, 6 for arity   |
// |                   | leading mask serves them all in lanes (ot_lanes.h)    | 2, 3, 4             |
// | bit_pairs         | b_0 + b_1 − 2·b_0·b_1                                 | 1                   |
// | square_pairs      | one Gilboa product                                    | 63                  |
// | truncations       | 64 bit pairs: r, r >> f and its sign are sums of its  | 64                  |
// |                   | bits (edaBits of Escudero et al., CRYPTO 2020)        |                     |
// | truncated_squares | a truncation, a square and a bit times a value        | 129                 |
// | selections        | a bit times values, both ways                         | 2 (66 with a shift) |
// | product           | matrix products of the cross terms (ot_products.h)    | 64 a matrix element |
// | comparisons       | refused: evaluating a comparison function's tree on   |                     |
// |                   | shared α costs 2^63 steps (Doerner, Shelat, CCS 2017) |                     |
// clang-format on
//
// Messages: both send the SHA-256 of the demand's text, 32 bytes; then, request by request, those
// of the OT protocols. ot_prediction.h gives rounds and bytes exactly.
#pragma once

#include "mpc/offline/correlation_source.h"
#include "mpc/offline/demand.h"
#include "mpc/offline/derive.h"
#include "mpc/offline/ot_pair.h"

namespace hush::mpc {

struct CarryGroupTerms;

// Elements whose truncation masks are made at a time: one batch of transfers.
inline constexpr std::size_t kOtMaskPortion = kOtBatch / 64;

struct OtOptions {
  OtExtension extension = OtExtension::kSoftSpoken4;
  // `provide` refuses a demand for which both parties together would send more.
  std::uint64_t most_bytes = std::uint64_t{4} << 30;
};

class OtProvider {
 public:
  // Runs the set-up (predict_ot_setup). The channel must outlive the provider; nothing else may
  // use it during `provide`. Throws ChannelError.
  OtProvider(int party, Channel& channel, Generator generator, OtOptions options = {});

  // Both parties call it with the same demand. Throws ArgumentError, before anything is sent, if
  // OT cannot make it or it would send more than options allow; ProtocolViolation if the peer
  // demands something else; ChannelError.
  void provide(const Demand& demand, CorrelationSink& sink);

 private:
  CorrelationShare make(const CorrelationRequest& request);
  void make_product(const CorrelationRequest& request, CorrelationShare& share);
  void make_carry_groups(const CorrelationRequest& request, CorrelationShare& share);
  void make_truncation(unsigned shift, SecretWords& r, SecretWords& high, SecretWords& sign,
                       SecretWords& sign_bits);
  void make_selections(const CorrelationRequest& request, CorrelationShare& share);
  void make_truncated_squares(const CorrelationRequest& request, CorrelationShare& share);
  void draw(SecretWords& words);

  Generator generator_;
  OtOptions options_;
  OtPair pair_;
  WeightMasks masks_;  // this party's shares
};

// The products of a carry group whose highest propagate mask is p_leader, as indices into
// terms.products: each is p_leader times a mask or a product led by a lower one.
std::vector<std::size_t> products_led_by(const CarryGroupTerms& terms, unsigned leader);

}  // namespace hush::mpc
