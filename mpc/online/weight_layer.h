// A linear layer y = x ⊛ w whose weights stay the same from query to query, for any bilinear op.
//
// The trick: the weights' mask B may be used again as long as every A is fresh, so F = W - B is
// opened once and each query opens E = X - A alone. (CrypTen opens F at each query.)
//   once:      F = W - B opened;                 W_i = B_i + i·F as shares of W (party 0 adds F)
//   offline:   C = A ⊛ B from the source;        U_i = C_i + A_i ⊛ F, shares of A ⊛ W
//   online:    E = X - A opened;                 Y_i = E ⊛ W_i + U_i, ONE product a party
// Each party learns E and F, uniform.
//
// Ownership of the weights:
//   shared          as above. Once: 1 round, 8 bytes a weight. A query: 1 round, 8 bytes an input
//                   element, both ways at once.
//   party0_weights  party 0 knows W and B, party 1 knows A. Once: party 0 → 1 F. A query: party
//                   1 → 0 E = X_1 - A, one way; Y_0 = (X_0 + E) ⊛ W + U_0, Y_1 = U_1.
// Public weights need no protocol: each party applies the op (or KeptWeights) to its own share.
//
// With `scaled` a convolution may come out 2^scale_bits() times too large, which halves its time
// or so (kept_weights.h): for layers whose results are truncated anyway, by that much more.
#pragma once

#include "mpc/offline/correlations.h"
#include "mpc/offline/demand.h"
#include "mpc/online/kept_weights.h"
#include "mpc/online/share.h"

namespace hush::mpc {

struct WeightLayerOptions {
  std::shared_ptr<const Op> op;  // bilinear: output of inputs (x, w)
  Shape x, w;                    // x: of a query of one row; axis 0 counts rows
  std::uint64_t mask = 0;        // a number of its own among all weights of a model, not 0
  Ownership ownership = Ownership::shared;
  bool scaled = false;  // see above; takes as many bits of the range
};

// What one query uses up: the mask A of its input and this party's share U of A ⊛ W.
class PreparedInput {
 public:
  PreparedInput(SecretWords a, Tensor u) : a_(std::move(a)), u_(std::move(u)) {}
  PreparedInput(const PreparedInput&) = delete;
  PreparedInput& operator=(const PreparedInput&) = delete;
  PreparedInput(PreparedInput&&) = default;
  PreparedInput& operator=(PreparedInput&&) = default;
  ~PreparedInput();

  const SecretWords& a() const { return a_; }
  // On the party's device. What is added to it is added to the result.
  const Tensor& u() const { return u_; }

 private:
  SecretWords a_;  // empty where the other party knows it
  Tensor u_;
};

// The party's side of one layer: set_up once, then prepare (offline) and run for each query. Once
// set up it does not change, so that queries of any number of rows may use it side by side.
class WeightLayer {
 public:
  explicit WeightLayer(WeightLayerOptions options);
  WeightLayer(const WeightLayer&) = delete;
  WeightLayer& operator=(const WeightLayer&) = delete;
  WeightLayer(WeightLayer&&) = default;
  WeightLayer& operator=(WeightLayer&&) = default;
  ~WeightLayer();

  // Opens F. `weights`: this party's share, or (party0_weights) W itself at party 0 and nothing at
  // party 1.
  Conversation set_up(Party& party, Tensor weights);
  // Takes one product from the source and computes U. No communication. Throws ArgumentError
  // before set_up.
  PreparedInput prepare(CorrelationSource& source, std::int64_t rows = 1) const;
  // y = 2^scale_bits() (x ⊛ w), for as many rows as were prepared.
  Conversation run(Party& party, PreparedInput prepared, Share x, Share y) const;

  const WeightLayerOptions& options() const { return options_; }
  Shape input_shape(std::int64_t rows = 1) const { return options_.x.with(0, rows); }
  Shape output_shape(std::int64_t rows = 1) const;
  // 0 unless options().scaled and the op is fast that way; the same on both parties.
  unsigned scale_bits() const { return scale_bits_; }

  Cost predict_set_up() const;
  Cost predict_run(std::int64_t rows = 1) const;
  void demand_set_up(Demand& demand) const;
  void demand_run(Demand& demand, std::int64_t rows = 1) const;

 private:
  CorrelationRequest request(std::int64_t rows) const;

  WeightLayerOptions options_;
  unsigned scale_bits_ = 0;
  KeptWeights opened_;   // F, where it is needed
  KeptWeights weights_;  // W_i, or W at party 0
};

}  // namespace hush::mpc
