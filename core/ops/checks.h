// Argument checks that the shape rules of ops share. A message names the op and the shapes.
#pragma once

#include <string_view>

#include "core/op.h"

namespace hush {

inline void check_count(std::string_view op, std::span<const Shape> inputs, std::size_t wanted) {
  require(inputs.size() == wanted, "{}: {} inputs, not {}", op, wanted, inputs.size());
}

inline void check_rank(std::string_view op, std::string_view what, const Shape& shape, int rank) {
  require(shape.rank() == rank, "{}: {} {} is not of rank {}", op, what, shape.text(), rank);
}

inline void check_shape(std::string_view op, std::string_view what, const Shape& shape,
                        const Shape& wanted) {
  require(shape == wanted, "{}: {} {} should be {}", op, what, shape.text(), wanted.text());
}

// The shapes of tensors, for ops that compute their output's shape in forward.
inline std::vector<Shape> shapes_of(std::span<const Tensor> tensors) {
  std::vector<Shape> shapes;
  shapes.reserve(tensors.size());
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return shapes;
}

// A tensor for the output of an op, of the type and on the device of its first input.
inline Tensor output_like(const Op& op, std::span<const Tensor> inputs) {
  const Shape shape = op.output_shape(shapes_of(inputs));
  return Tensor::empty(shape, inputs[0].dtype(), inputs[0].device());
}

// `candidate` itself if nobody else needs its memory, else a new tensor like it.
inline Tensor reuse(const Tensor& candidate) {
  return candidate.unique()
             ? candidate
             : Tensor::empty(candidate.shape(), candidate.dtype(), candidate.device());
}

}  // namespace hush
