// The extents of a tensor. Tensors are dense and row-major; images are NHWC (channels last),
// convolution weights HWIO, linear weights [in, out]; see DESIGN.md, "Layout".
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/error.h"

namespace hush {

// Up to six extents, each at least 0. A value type without heap storage.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;  // a scalar: rank 0, one element
  Shape(std::initializer_list<std::int64_t> extents);

  int rank() const { return rank_; }
  // The extent of `axis`; negative axes count from the end. Throws ArgumentError out of range.
  std::int64_t operator[](int axis) const;
  // The number of elements: the product of all extents.
  std::int64_t elements() const;
  // This shape with one extent replaced.
  Shape with(int axis, std::int64_t extent) const;
  void append(std::int64_t extent);
  // "[64, 32, 32, 3]"
  std::string text() const;

  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }
  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace hush
