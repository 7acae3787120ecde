// Packing of values and bits for the wire.
//
// `width`-bit values lie end to end, the first value in the lowest bits, in little-endian bytes;
// the last byte is filled with zeros. Nothing of a value above its width is sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/ot/block.h"

namespace hush::mpc {

// All ones in the low `width` bits, 1 <= width <= 64.
constexpr std::uint64_t low_bits(unsigned width) {
  return ~std::uint64_t{0} >> (64 - width);
}

constexpr std::size_t packed_bytes(std::size_t count, unsigned width) {
  return bit_bytes(count * width);
}

// Writes packed_bytes(values.size(), width) bytes; bits above `width` are ignored.
void pack_values(std::span<const std::uint64_t> values, unsigned width, std::byte* packed);

// Reads packed_bytes(values.size(), width) bytes.
void unpack_values(const std::byte* packed, unsigned width, std::span<std::uint64_t> values);

// Bit 0 of each block, as a packed bit vector of bit_words(blocks.size()) words.
void first_bits(std::span<const Block> blocks, std::uint64_t* bits);

// Transposes a 64 × 64 bit matrix in place: bit j of word i goes to bit i of word j.
void transpose_words(std::uint64_t (&words)[64]);

}  // namespace hush::mpc
