// Element types of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/error.h"

namespace hush {

// float32 trains and infers in the clear; ring64 holds elements of Z_2^64, which is what a share
// is; int32 holds labels and indices; uint8 holds indicators and pixels; bfloat16 holds what a
// device rounded for its products (Backend::conv_operand), and no other kernel reads it.
enum class DType : std::uint8_t { float32, ring64, int32, uint8, bfloat16 };

using Ring = std::uint64_t;  // an element of Z_2^64: unsigned arithmetic wraps as the ring does

// The upper half of a float32: 8 significant bits. There is no arithmetic on it.
struct Bf16 {
  std::uint16_t bits;
};

constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::ring64:
      return 8;
    case DType::uint8:
      return 1;
    case DType::bfloat16:
      return 2;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::ring64:
      return "ring64";
    case DType::int32:
      return "int32";
    case DType::uint8:
      return "uint8";
    case DType::bfloat16:
      return "bfloat16";
  }
  return "unknown";
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::float32> {};
template <>
struct DTypeOf<Ring> : std::integral_constant<DType, DType::ring64> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::int32> {};
template <>
struct DTypeOf<std::uint8_t> : std::integral_constant<DType, DType::uint8> {};
template <>
struct DTypeOf<Bf16> : std::integral_constant<DType, DType::bfloat16> {};

template <class T>
inline constexpr DType kDTypeOf = DTypeOf<std::remove_const_t<T>>::value;

// Calls f with a value of the arithmetic type of `dtype`: float for float32, Ring for ring64.
// `where` names the caller in the error for other types.
template <class F>
auto with_arithmetic_type(DType dtype, std::string_view where, F&& f) {
  if (dtype == DType::float32) return std::forward<F>(f)(float{});
  require(dtype == DType::ring64, "{}: no arithmetic on {} tensors", where, name_of(dtype));
  return std::forward<F>(f)(Ring{});
}

}  // namespace hush
