#include "core/op.h"

namespace hush {

OpCount Op::count(std::span<const Shape>, std::span<const Tensor>) const {
  return {};
}

}  // namespace hush
