// Argument checks that the CPU kernels share. Kernels trust no shape: a wrong one would be a
// write out of bounds.
#pragma once

#include <string_view>

#include "core/tensor.h"

namespace hush {

// Throws ArgumentError, naming kernel and argument, unless `tensor` is a host tensor of that
// shape and type.
inline void check_tensor(std::string_view kernel, std::string_view argument, const Tensor& tensor,
                         const Shape& shape, DType dtype) {
  require(tensor.defined(), "{}: {} is undefined", kernel, argument);
  require(tensor.shape() == shape && tensor.dtype() == dtype && tensor.device() == Device{},
          "{}: {} is {}, not {} {} on cpu", kernel, argument, tensor.text(), name_of(dtype),
          shape.text());
}

inline void check_float(std::string_view kernel, std::string_view argument, const Tensor& tensor,
                        const Shape& shape) {
  check_tensor(kernel, argument, tensor, shape, DType::float32);
}

// Throws ArgumentError unless `tensor` is a host tensor of that rank.
inline void check_rank(std::string_view kernel, std::string_view argument, const Tensor& tensor,
                       int rank) {
  require(tensor.defined() && tensor.shape().rank() == rank && tensor.device() == Device{},
          "{}: {} is {}, not of rank {} on cpu", kernel, argument, tensor.text(), rank);
}

// The last extent of `tensor`, its channels; throws ArgumentError if it has no axis.
inline std::size_t channels_of(std::string_view kernel, const Tensor& tensor) {
  require(tensor.defined() && tensor.shape().rank() > 0, "{}: x is {}, it has no channels", kernel,
          tensor.text());
  return std::size_t(tensor.shape()[-1]);
}

}  // namespace hush
