// Working memory of a protocol for words that go over the wire or came from it: uninitialised, and
// from the pool of host tensors, because fresh pages for megabytes cost more than the arithmetic.
// Not wiped: secrets at rest belong in SecretArray.
#pragma once

#include <span>

#include "core/tensor.h"

namespace hush::mpc {

class RingBuffer {
 public:
  explicit RingBuffer(std::size_t size)
      : memory_(Tensor::empty({std::int64_t(size)}, DType::ring64)),
        data_(memory_.data<Ring>()),
        size_(size) {}

  Ring* data() { return data_; }
  const Ring* data() const { return data_; }
  std::size_t size() const { return size_; }
  Ring& operator[](std::size_t i) { return data_[i]; }
  const Ring& operator[](std::size_t i) const { return data_[i]; }
  Ring* begin() { return data_; }
  Ring* end() { return data_ + size_; }
  const Ring* begin() const { return data_; }
  const Ring* end() const { return data_ + size_; }
  std::span<Ring> part(std::size_t first, std::size_t count) {
    return std::span(data_, size_).subspan(first, count);
  }

 private:
  Tensor memory_;
  Ring* data_;
  std::size_t size_;
};

}  // namespace hush::mpc
