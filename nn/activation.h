// Which scalar function a network uses between its layers.
//
// EfficientNet is trained with SiLU, for which private inference has no cheap protocol; AutoReP
// (ICCV 2023, section 4.1) replaces it by ReLU, in squeeze-excitation too, and trains on.
#pragma once

#include <string_view>

#include "core/graph.h"

namespace hush::nn {

// The same network, sharing its leaves, with another activation: "relu" replaces every SiLU, "silu"
// every ReLU; an empty name and the activation that it has already change nothing. Sigmoid gates
// stay. Throws ArgumentError for another name, or if the network has neither.
Graph with_activation(const Graph& graph, std::string_view name);

}  // namespace hush::nn
