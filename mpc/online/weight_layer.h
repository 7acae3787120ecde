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

#include <deque>

#include "mpc/offline/correlations.h"
#include "mpc/offline/demand.h"
#include "mpc/online/kept_weights.h"
#include "mpc/online/share.h"

namespace hush::mpc {

struct WeightLayerOptions {
  std::shared_ptr<const Op> op;  // bilinear: output of inputs (x, w)
  Shape x, w;
  std::uint64_t mask = 0;  // a number of its own among all weights of a model, not 0
  Ownership ownership = Ownership::shared;
  bool scaled = false;  // see above; takes as many bits of the range
};

// The party's side of one layer. Used in the order set_up (once), prepare (offline, once for each
// query to come), run. Throws ArgumentError in another order.
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
  // Takes one product from the source and computes U. No communication.
  void prepare(Party& party);
  // y = 2^scale_bits() (x ⊛ w), by one `prepare`.
  Conversation run(Party& party, Share x, Share y);

  const WeightLayerOptions& options() const { return options_; }
  Shape output_shape() const;
  // 0 unless options().scaled and the op is fast that way; the same on both parties.
  unsigned scale_bits() const { return scale_bits_; }

  Cost predict_set_up() const;
  Cost predict_run() const;
  void demand_set_up(Demand& demand) const;
  void demand_run(Demand& demand) const;

 private:
  struct Prepared {
    SecretWords a;  // empty where the other party knows it
    Tensor u;
  };

  WeightLayerOptions options_;
  unsigned scale_bits_ = 0;
  KeptWeights opened_;   // F, where it is needed
  KeptWeights weights_;  // W_i, or W at party 0
  std::deque<Prepared> prepared_;
};

}  // namespace hush::mpc
