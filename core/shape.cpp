#include "core/shape.h"

#include <fmt/ranges.h>

namespace hush {

Shape::Shape(std::initializer_list<std::int64_t> extents) {
  for (const std::int64_t extent : extents) append(extent);
}

void Shape::append(std::int64_t extent) {
  require(rank_ < kMaxRank, "shape: at most {} axes, {} has that many already", kMaxRank, text());
  require(extent >= 0, "shape: negative extent {} after {}", extent, text());
  extents_[rank_++] = extent;
}

std::int64_t Shape::operator[](int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  require(index >= 0 && index < rank_, "shape: no axis {} in {}", axis, text());
  return extents_[index];
}

std::int64_t Shape::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : *this)
    require(!__builtin_mul_overflow(count, extent, &count), "shape: {} overflows", text());
  return count;
}

Shape Shape::with(int axis, std::int64_t extent) const {
  Shape result = *this;
  require(axis >= -rank_ && axis < rank_, "shape: no axis {} in {}", axis, text());
  result.extents_[axis < 0 ? axis + rank_ : axis] = extent;
  return result;
}

std::string Shape::text() const {
  return fmt::format("[{}]", fmt::join(begin(), end(), ", "));
}

}  // namespace hush
