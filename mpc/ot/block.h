// The 128-bit block that every oblivious-transfer protocol computes on, and packed bit vectors.
//
// A Block is 16 bytes in memory order: `lo` holds bytes 0–7 and `hi` bytes 8–15, little endian, so
// on the wire and for AES a block is simply its 16 bytes. Bit i of a block is bit i % 64 of word
// i / 64; the same numbering holds for packed bit vectors (`std::uint64_t` words, bit i of the
// vector in bit i % 64 of word i / 64).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hush::mpc {

static_assert(std::endian::native == std::endian::little,
              "wire formats and generators are defined on little-endian machines");

struct alignas(16) Block {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;

  friend constexpr Block operator^(Block a, Block b) { return {a.lo ^ b.lo, a.hi ^ b.hi}; }
  friend constexpr Block operator&(Block a, Block b) { return {a.lo & b.lo, a.hi & b.hi}; }
  constexpr Block& operator^=(Block b) { return *this = *this ^ b; }
  // Constant time: blocks are often keys.
  friend constexpr bool operator==(Block a, Block b) {
    return ((a.lo ^ b.lo) | (a.hi ^ b.hi)) == 0;
  }

  constexpr bool bit(unsigned index) const {
    return ((index < 64 ? lo >> index : hi >> (index - 64)) & 1) != 0;
  }
};
static_assert(sizeof(Block) == 16);

// All ones if `bit` is set, else all zeros: selects without a branch on a secret.
constexpr Block mask_of(bool bit) {
  const std::uint64_t mask = 0 - static_cast<std::uint64_t>(bit);
  return {mask, mask};
}

// Number of 64-bit words, or bytes, that hold `bits` packed bits.
constexpr std::size_t bit_words(std::size_t bits) {
  return bits / 64 + (bits % 64 != 0);
}
constexpr std::size_t bit_bytes(std::size_t bits) {
  return bits / 8 + (bits % 8 != 0);
}

// Bit `index` of a packed bit vector.
constexpr std::uint64_t bit_at(std::span<const std::uint64_t> words, std::size_t index) {
  return words[index / 64] >> (index % 64) & 1;
}

}  // namespace hush::mpc
