#include "cuda/product_choice.h"

#include <bit>

#include "core/error.h"

namespace hush::cuda {

RingProduct parse_ring_product(std::string_view text) {
  if (text == "auto") return RingProduct::automatic;
  if (text == "simt") return RingProduct::simt;
  if (text == "limbs") return RingProduct::limbs;
  throw ArgumentError(
      fmt::format("the ring product '{}' is not one of auto, simt and limbs", text));
}

RingProductChoice::Class RingProductChoice::class_of(const Shape& shape) {
  const auto bits = [](std::int64_t extent) { return int(std::bit_width(std::uint64_t(extent))); };
  return {shape.pass, bits(shape.m), bits(shape.n), bits(shape.depth)};
}

RingProduct RingProductChoice::choose(const Shape& shape, const Measure& measure) {
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] = chosen_.try_emplace(class_of(shape), RingProduct::simt);
  if (!is_new) return entry->second;
  try {
    if (measure(RingProduct::limbs) < measure(RingProduct::simt))
      entry->second = RingProduct::limbs;
  } catch (...) {
    chosen_.erase(entry);
    throw;
  }
  return entry->second;
}

RingProduct RingProductChoice::known(const Shape& shape) const {
  const std::lock_guard lock(mutex_);
  const auto found = chosen_.find(class_of(shape));
  return found == chosen_.end() ? RingProduct::simt : found->second;
}

}  // namespace hush::cuda
