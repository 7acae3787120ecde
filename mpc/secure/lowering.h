// From a graph to steps: folds it for inference, walks it once, and decides every scale.
//
// Scales. Activations come out with few fraction bits, weights get as many as there is room for
// (options.h), and a value is truncated on its own only where no room is left for the weights that
// follow it: networks whose sums each meet an activation never need that. Whatever a layer can
// take over goes into its weights: batch norm, the division of an average over a number of pixels
// that is no power of two (what is left of it below 2), the scale of a polynomial before it.
#pragma once

#include <memory>

#include "core/graph.h"
#include "mpc/secure/product_steps.h"

namespace hush::mpc {

// Weights of one ProductStep before they are encoded. Undefined where the graph has no values.
struct PlainWeights {
  Tensor weight;      // float32
  Tensor bias;        // float32 [K], or undefined
  double factor = 1;  // of the weight
  int weight_scale = 0, bias_scale = 0;
};

struct LoweredGraph {
  std::vector<ValueInfo> values;
  std::vector<std::unique_ptr<const Step>> steps;  // each after those it needs
  std::vector<const ProductStep*> products;        // those of the steps that have weights
  std::vector<PlainWeights> weights;               // of `products`
  int input = -1, output = -1;
};

// Throws ArgumentError, naming the node, for an op that has no secure protocol or cannot stand
// where it does, and for gates that are not 0 or 1.
LoweredGraph lower(const Graph& graph, const SecureOptions& options);

}  // namespace hush::mpc
