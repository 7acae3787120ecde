// Which units multiply words of the ring: what a caller fixed, or what was faster when measured.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>

namespace hush::cuda {

// Where products over the ring run. Both give the same result, bit for bit.
enum class RingProduct : std::uint8_t {
  automatic,  // whichever was faster for the first product of about this shape
  simt,       // 64-bit integer arithmetic of the ordinary units
  limbs,      // bytes on tensor cores
};

// "auto", "simt" or "limbs"; throws ArgumentError for anything else.
RingProduct parse_ring_product(std::string_view text);

// What was measured, per class of shapes. Thread-safe.
class RingProductChoice {
 public:
  // A product of about m × n × depth elements; `pass` tells kinds of products apart.
  struct Shape {
    int pass = 0;
    std::int64_t m = 0, n = 0, depth = 0;
  };
  // The time of the product on one of the two, in any unit.
  using Measure = std::function<float(RingProduct)>;

  // simt or limbs; measures both for the first shape of its class, which is all shapes whose
  // extents have the same numbers of bits.
  RingProduct choose(const Shape& shape, const Measure& measure);
  // What is known already, without measuring: simt if nothing is.
  RingProduct known(const Shape& shape) const;

 private:
  using Class = std::array<int, 4>;
  static Class class_of(const Shape& shape);

  mutable std::mutex mutex_;
  std::map<Class, RingProduct> chosen_;
};

}  // namespace hush::cuda
