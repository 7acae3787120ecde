#include "nn/weight_layout.h"

#include <array>

#include "core/backend.h"

namespace hush::nn {
namespace {

// Axes as Backend::permute takes them: axis i of the result is axis axes[i] of x.
constexpr std::array kConvolutionToFile{3, 2, 0, 1};
constexpr std::array kConvolutionFromFile{2, 3, 1, 0};
constexpr std::array kTranspose{1, 0};
constexpr std::array kMapToFile{2, 0, 1};
constexpr std::array kMapFromFile{1, 2, 0};

Tensor permuted(const Tensor& x, std::span<const int> axes) {
  require(x.shape().rank() == int(axes.size()), "weights of shape {} where rank {} is needed",
          x.shape().text(), axes.size());
  Shape shape;
  for (const int axis : axes) shape.append(x.shape()[axis]);
  Tensor result = Tensor::empty(shape, x.dtype(), x.device());
  backend(x.device()).permute(axes, x, result);
  return result;
}

}  // namespace

std::vector<WeightLayout> weight_layouts(const Graph& graph) {
  std::vector<WeightLayout> result(std::size_t(graph.size()), WeightLayout::plain);
  for (const Node& node : graph.nodes()) {
    if (node.kind != NodeKind::op || node.inputs.size() < 2) continue;
    WeightLayout& weight = result[std::size_t(node.inputs[1])];
    if (node.op->name() == "conv2d") weight = WeightLayout::convolution;
    if (node.op->name() == "linear") weight = WeightLayout::linear;
    if (node.op->name() == "gated_activation" && graph[node.inputs[1]].value.shape().rank() == 3)
      weight = WeightLayout::map;
  }
  return result;
}

Shape file_shape(const Shape& shape, WeightLayout layout) {
  switch (layout) {
    case WeightLayout::plain:
      return shape;
    case WeightLayout::convolution:
      return {shape[3], shape[2], shape[0], shape[1]};
    case WeightLayout::linear:
      return {shape[1], shape[0]};
    case WeightLayout::map:
      return {shape[2], shape[0], shape[1]};
  }
  return shape;
}

Tensor to_file_layout(const Tensor& x, WeightLayout layout) {
  if (layout == WeightLayout::convolution) return permuted(x, kConvolutionToFile);
  if (layout == WeightLayout::linear) return permuted(x, kTranspose);
  if (layout == WeightLayout::map) return permuted(x, kMapToFile);
  return x;
}

Tensor from_file_layout(const Tensor& x, WeightLayout layout) {
  if (layout == WeightLayout::convolution) return permuted(x, kConvolutionFromFile);
  if (layout == WeightLayout::linear) return permuted(x, kTranspose);
  if (layout == WeightLayout::map) return permuted(x, kMapFromFile);
  return x;
}

}  // namespace hush::nn
