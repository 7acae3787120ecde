#include "core/tensor.h"

#include <algorithm>

#include "core/backend.h"

namespace hush {

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  Tensor result;
  result.shape_ = shape;
  result.elements_ = shape.elements();
  result.dtype_ = dtype;
  result.device_ = device;
  result.memory_ = backend(device).allocate(result.bytes());
  return result;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor result = empty(shape, dtype, device);
  result.zero();
  return result;
}

Tensor Tensor::full(const Shape& shape, float value, Device device) {
  Tensor host = empty(shape, DType::float32);
  std::ranges::fill(host.values<float>(), value);
  return device == Device{} ? host : host.to(device);
}

Tensor Tensor::reshaped(const Shape& shape) const {
  require(shape.elements() == elements_, "tensor: {} cannot be seen as {}", text(), shape.text());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

Tensor Tensor::rows(std::int64_t first, std::int64_t count) const {
  require(shape_.rank() > 0 && first >= 0 && count >= 0 && first + count <= shape_[0],
          "tensor: no rows {} to {} in {}", first, first + count, text());
  Tensor result = *this;
  result.shape_ = shape_.with(0, count);
  result.elements_ = result.shape_.elements();
  const std::size_t row_bytes = shape_[0] == 0 ? 0 : bytes() / std::size_t(shape_[0]);
  result.memory_ = {memory_, memory_.get() + std::size_t(first) * row_bytes};
  return result;
}

Tensor Tensor::clone() const {
  Tensor result = empty(shape_, dtype_, device_);
  result.assign(*this);
  return result;
}

Tensor Tensor::to(Device device) const {
  if (device == device_) return *this;
  Tensor result = empty(shape_, dtype_, device);
  result.assign(*this);
  return result;
}

void Tensor::zero() const {
  backend(device_).zero(*this);
}

void Tensor::assign(const Tensor& source) const {
  require(source.shape_ == shape_ && source.dtype_ == dtype_, "tensor: cannot assign {} to {}",
          source.text(), text());
  const Device mover = source.device_.kind == Device::Kind::cpu ? device_ : source.device_;
  backend(mover).copy(source, *this);
}

std::string Tensor::text() const {
  return fmt::format("{} {} on {}", name_of(dtype_), shape_.text(), device_.text());
}

void Tensor::check_type(DType wanted) const {
  if (dtype_ == wanted) [[likely]]
    return;  // kernels ask often: the text for the error costs more than they do
  throw ArgumentError(fmt::format("tensor: {} used as {}", text(), name_of(wanted)));
}

void Tensor::check_host() const {
  if (device_.kind == Device::Kind::cpu) [[likely]]
    return;
  throw ArgumentError(fmt::format("tensor: {} is not in host memory", text()));
}

}  // namespace hush
