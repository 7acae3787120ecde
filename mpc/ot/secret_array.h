// A fixed array for keys, pads and other secrets: zero at first, wiped when it dies, on cache lines
// (so that SIMD loads do not straddle two), and not copyable.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace hush::mpc {

template <class T>
class SecretArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  SecretArray() = default;
  explicit SecretArray(std::size_t size)
      : data_(size == 0 ? nullptr
                        : static_cast<T*>(::operator new (size * sizeof(T), std::align_val_t{64}))),
        size_(size) {
    for (std::size_t i = 0; i < size; ++i) new (data_ + i) T{};
  }
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  SecretArray(SecretArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SecretArray& operator=(SecretArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SecretArray() {
    if (data_ == nullptr) return;
    sodium_memzero(data_, size_ * sizeof(T));
    ::operator delete (data_, std::align_val_t{64});
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hush::mpc
