// Tensor: a shape, an element type, a device and shared memory. Dense, row-major, contiguous.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace hush {

// A handle: copies share memory, `clone` does not. Not synchronised: two threads may read one
// tensor, but not while a third writes it.
class Tensor {
 public:
  Tensor() = default;  // no memory; defined() is false

  // Contents undefined.
  static Tensor empty(const Shape& shape, DType dtype, Device device = {});
  static Tensor zeros(const Shape& shape, DType dtype, Device device = {});
  static Tensor full(const Shape& shape, float value, Device device = {});
  // A host tensor with a copy of `values`, whose count must be that of the shape.
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values);
  template <class T>
  static Tensor from(const Shape& shape, const std::vector<T>& values) {
    return from(shape, std::span<const T>(values));
  }

  bool defined() const { return memory_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  std::int64_t elements() const { return elements_; }
  std::size_t bytes() const { return std::size_t(elements_) * size_of(dtype_); }

  // The elements of a host tensor. Throws ArgumentError if T is not its element type or it
  // lives on another device. A tensor is a handle, so a const one gives mutable elements.
  template <class T>
  std::span<T> values() const {
    return {data<T>(), std::size_t(elements_)};
  }
  // The address of element 0 on whatever device it is; for kernels.
  template <class T>
  T* device_data() const {
    check_type(kDTypeOf<T>);
    return reinterpret_cast<T*>(memory_.get());
  }
  template <class T>
  T* data() const {
    check_host();
    return device_data<T>();
  }
  std::byte* raw() const { return memory_.get(); }

  // The same memory seen with another shape of as many elements.
  Tensor reshaped(const Shape& shape) const;
  // Rows first … first + count - 1 of axis 0, sharing memory.
  Tensor rows(std::int64_t first, std::int64_t count) const;
  // A copy with memory of its own, on the same device or on `device`.
  Tensor clone() const;
  Tensor to(Device device) const;
  void zero() const;
  // Copies the elements of `source` (same shape and type, any device) into this memory.
  void assign(const Tensor& source) const;
  // True if no other tensor shares this memory.
  bool unique() const { return memory_.use_count() == 1; }
  bool same_memory(const Tensor& other) const { return memory_ == other.memory_; }

  // "float32 [64, 32, 32, 3] on cpu"
  std::string text() const;

 private:
  void check_type(DType wanted) const;
  void check_host() const;

  std::shared_ptr<std::byte> memory_;
  Shape shape_;
  std::int64_t elements_ = 0;
  DType dtype_ = DType::float32;
  Device device_;
};

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values) {
  Tensor result = empty(shape, kDTypeOf<T>);
  require(std::int64_t(values.size()) == result.elements(), "tensor: {} values for shape {}",
          values.size(), shape.text());
  std::copy(values.begin(), values.end(), result.data<T>());
  return result;
}

}  // namespace hush
