// Replacing the ReLUs of a network: the graph pass, and what holds of a replaced graph.
//
// Each ReLU node R becomes a GatedActivation (core/ops/gated_activation.h) with leaves of its own:
//   R.gate           buffer [H, W, C], 1 where the ReLU stays; a file has it as [C, H, W]
//   R.coefficients   [3, C], rows c0, c1, c2 of the polynomial; a parameter if it is trained
//   R.running_mean, R.running_var   buffers [C] of the activation's input
// The gate belongs to the feature map and never to the batch.
#pragma once

#include <string>
#include <vector>

#include "core/graph.h"
#include "nn/dapa.h"

namespace hush::nn {

// One replaced activation of a graph.
struct GatedLayer {
  std::string name;
  NodeId input = -1, gate = -1, coefficients = -1, mean = -1, variance = -1;
  std::int64_t elements = 0;  // of one feature map: ReLUs before replacement
  // Its input is a residual sum, not normalised: polynomials compound along the stream.
  bool in_stream = false;
};

// The graph with every ReLU replaced, all gates open and the polynomial the identity: it computes
// what `graph` computes. The other leaves are shared with `graph`. Throws ArgumentError if there
// is no ReLU, or if gated activations are there already.
Graph replace_relus(const Graph& graph, bool trainable_coefficients);

// The replaced activations, in the order of the nodes.
std::vector<GatedLayer> gated_layers(const Graph& graph);
bool is_replaced(const Graph& graph);

// How many gates of each layer are not 0.
std::vector<std::int64_t> open_gates(const Graph& graph, const std::vector<GatedLayer>& layers);

// Which polynomial the activations get.
struct PolynomialChoice {
  PolynomialKind kind = PolynomialKind::dapa2;
  DapaOptions branch;                              // for inputs that come from a batch norm
  DapaOptions stream = {.quadratic_scale = 0.03};  // for inputs that are residual sums
};

// Computes every layer's coefficients from its running statistics and, unless that is empty, each
// layer's reach by channel (replacement_statistics.h).
void refresh_coefficients(const Graph& graph, const std::vector<GatedLayer>& layers,
                          const PolynomialChoice& choice,
                          const std::vector<std::vector<float>>& reach = {});

}  // namespace hush::nn
