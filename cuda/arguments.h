// Argument checks that the CUDA kernels share. Kernels trust no shape: a wrong one would be a
// write out of bounds.
#pragma once

#include <string_view>

#include "core/tensor.h"

namespace hush::cuda {

// Checks the tensors of one call of `kernel` on `device`; all throw ArgumentError that names
// kernel and argument.
class Arguments {
 public:
  Arguments(std::string_view kernel, Device device) : kernel_(kernel), device_(device) {}

  const Arguments& tensor(std::string_view name, const Tensor& t, const Shape& shape,
                          DType dtype) const {
    defined(name, t);
    require(t.shape() == shape && t.dtype() == dtype, "{}: {} is {}, not {} {}", kernel_, name,
            t.text(), name_of(dtype), shape.text());
    return *this;
  }
  const Arguments& floats(std::string_view name, const Tensor& t, const Shape& shape) const {
    return tensor(name, t, shape, DType::float32);
  }
  // Undefined is fine too.
  const Arguments& optional(std::string_view name, const Tensor& t, const Shape& shape,
                            DType dtype) const {
    return t.defined() ? tensor(name, t, shape, dtype) : *this;
  }
  const Arguments& rank(std::string_view name, const Tensor& t, int rank) const {
    defined(name, t);
    require(t.shape().rank() == rank, "{}: {} is {}, not of rank {}", kernel_, name, t.text(),
            rank);
    return *this;
  }
  // The last extent of `t`, its channels.
  std::int64_t channels(std::string_view name, const Tensor& t) const {
    defined(name, t);
    require(t.shape().rank() > 0, "{}: {} is {}, it has no channels", kernel_, name, t.text());
    return t.shape()[-1];
  }
  // Kernels count with 32 bits where a tensor of that size would not fit a device anyway.
  int extent(std::string_view name, std::int64_t value) const {
    require(value <= 0x7fffffff, "{}: {} of {} is above 2^31 - 1; use a smaller batch", kernel_,
            name, value);
    return int(value);
  }

 private:
  void defined(std::string_view name, const Tensor& t) const {
    require(t.defined(), "{}: {} is undefined", kernel_, name);
    require(t.device() == device_, "{}: {} is {}, not on {}", kernel_, name, t.text(),
            device_.text());
  }

  std::string_view kernel_;
  Device device_;
};

}  // namespace hush::cuda
