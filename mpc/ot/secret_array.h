// A fixed array for keys, pads and other secrets: zero at first (unless asked not to be), wiped
// when it dies, on cache lines (so that SIMD loads do not straddle two), and not copyable.
//
// Its memory comes from the pool of host tensors: correlations of a query are megabytes, and fresh
// pages for them would cost more than the arithmetic on them.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "core/storage.h"

namespace hush::mpc {

// For arrays that are written before they are read: clearing megabytes takes as long as using them.
struct Unfilled {};

template <class T>
class SecretArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  SecretArray() = default;
  explicit SecretArray(std::size_t size) : SecretArray(size, Unfilled{}) {
    for (std::size_t i = 0; i < size; ++i) new (data_ + i) T{};
  }
  SecretArray(std::size_t size, Unfilled /*tag*/)
      : memory_(size == 0 ? nullptr : host_pool().allocate(size * sizeof(T))),
        data_(reinterpret_cast<T*>(memory_.get())),
        size_(size) {
    static_assert(alignof(T) <= MemoryPool::kAlignment);
  }
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  SecretArray(SecretArray&& other) noexcept
      : memory_(std::move(other.memory_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        secret_(other.secret_) {}
  SecretArray& operator=(SecretArray&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(secret_, other.secret_);
    return *this;
  }
  ~SecretArray() {
    if (data_ != nullptr && secret_) sodium_memzero(data_, size_ * sizeof(T));
  }

  // The contents are public from now on, and need no wiping.
  void disclose() { secret_ = false; }

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
  std::shared_ptr<std::byte> memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  bool secret_ = true;
};

}  // namespace hush::mpc
