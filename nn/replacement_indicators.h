// The indicators that decide which ReLUs stay, and their training.
//
// Peng et al., "AutoReP", ICCV 2023, section 3.1 and 3.2. An indicator m (1: ReLU, 0: polynomial)
// belongs to each element of each replaced feature map, and a trained auxiliary parameter m_W to
// each indicator. With L the loss, X the activation's output, Z its input, g the polynomial:
//   dL/dm_W = (Σ over the batch dL/dX (relu(Z) - g(Z)) + μ [the count is above its target]) dm/dm_W
//   dm/dm_W = log(1 + exp(m_W)), the straight-through estimate by softplus (Eq. 7 and 8)
// and m follows m_W with hysteresis (Eq. 10): open gates close at m_W <= -t_h, closed ones open at
// m_W > t_h. The first factor, dL/dm, comes from GatedActivation::backward.
//
// All of this lives on the host whatever the device of the network: it is a few numbers per
// feature-map element and step, and so the same bits everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/graph.h"
#include "nn/named_tensor.h"
#include "nn/replacement.h"

namespace hush::nn {

// dm/dm_W: log(1 + exp(m_W)) without overflow.
float indicator_slope(float auxiliary);
// The indicator that follows `indicator` (0 or 1) once the auxiliary parameter has that value.
float hysteresis(float indicator, float auxiliary, float threshold);

class Indicators {
 public:
  // All indicators 1, auxiliary parameters uniform in (0, 1), by seed and layer name. Keeps
  // handles of the graph's gates, not the graph.
  Indicators(const Graph& graph, const std::vector<GatedLayer>& layers, std::uint64_t seed);

  // The auxiliary parameters, "LAYER.auxiliary" [H, W, C], on the host; an optimizer's.
  const std::vector<NamedTensor>& auxiliary() const { return auxiliary_; }
  // The gates of the layers, as they are on the host; `publish` copies them to the graph.
  const std::vector<Tensor>& gates() const { return gates_; }
  void publish() const;
  // The other way: after the graph's gates were read from a file.
  void fetch();

  std::int64_t total() const { return total_; }
  std::int64_t open() const;
  std::vector<std::int64_t> open_by_layer() const;

  // Gradients of the auxiliary parameters (Eq. 7 and 8) from those of the gates, in the order of
  // the layers, on any device. `penalty` is μ while the count is above its target, else 0.
  std::vector<Tensor> gradients(std::span<const Tensor> d_gates, double penalty) const;
  // Moves every indicator by hysteresis; returns how many changed.
  std::int64_t follow(float threshold);
  // Makes exactly `budget` (at most total) indicators 1: those with the highest auxiliary
  // parameter among the open ones, and if too few are open the highest among the closed ones.
  // Ties go to the earlier element. Returns how many changed.
  std::int64_t project(std::int64_t budget);

 private:
  std::vector<Tensor> in_graph_, gates_;
  std::vector<NamedTensor> auxiliary_;
  std::int64_t total_ = 0;
};

}  // namespace hush::nn
