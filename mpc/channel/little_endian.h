// Integers on the wire: little-endian, whatever the machine.
#pragma once

#include <cstddef>
#include <type_traits>

namespace hush::mpc {

template <class T>
void store_little_endian(std::byte* out, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (std::size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
}

template <class T>
T load_little_endian(const std::byte* in) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(in[i]) << (8 * i)));
  return value;
}

}  // namespace hush::mpc
