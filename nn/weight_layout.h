// Turning weights between the graph's layout and that of files.
//
//   convolution   graph [KH, KW, C / groups, K]   file [K, C / groups, KH, KW]
//   linear        graph [in, out]                 file [out, in]
//   map           graph [H, W, C]                 file [C, H, W]
// Everything else is the same in both.
#pragma once

#include <vector>

#include "core/graph.h"

namespace hush::nn {

enum class WeightLayout : std::uint8_t { plain, convolution, linear, map };

// The layout of every node's value: what it is follows from the op that uses it as its weight.
std::vector<WeightLayout> weight_layouts(const Graph& graph);

// The shape that a tensor of the graph's shape has in a file.
Shape file_shape(const Shape& shape, WeightLayout layout);
// A host tensor in the other layout; the result may share memory with x where both are the same.
Tensor to_file_layout(const Tensor& x, WeightLayout layout);
Tensor from_file_layout(const Tensor& x, WeightLayout layout);

}  // namespace hush::nn
