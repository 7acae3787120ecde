#include "mpc/ot/bit_packing.h"

#include <cstring>

namespace hush::mpc {

void pack_values(std::span<const std::uint64_t> values, unsigned width, std::byte* packed) {
  if (width == 64) {
    if (!values.empty()) std::memcpy(packed, values.data(), values.size_bytes());
    return;
  }
  const std::uint64_t mask = low_bits(width);
  std::uint64_t word = 0;  // bits not yet written
  unsigned filled = 0;     // how many, < 64
  for (const std::uint64_t value : values) {
    const std::uint64_t low = value & mask;
    word |= low << filled;
    filled += width;
    if (filled < 64) continue;
    std::memcpy(packed, &word, sizeof word);
    packed += sizeof word;
    filled -= 64;
    word = filled == 0 ? 0 : low >> (width - filled);
  }
  std::memcpy(packed, &word, bit_bytes(filled));
}

void unpack_values(const std::byte* packed, unsigned width, std::span<std::uint64_t> values) {
  if (width == 64) {
    if (!values.empty()) std::memcpy(values.data(), packed, values.size_bytes());
    return;
  }
  const std::uint64_t mask = low_bits(width);
  const std::byte* end = packed + packed_bytes(values.size(), width);
  std::uint64_t word = 0;  // bits read and not yet used
  unsigned available = 0;  // how many, < 64
  for (std::uint64_t& value : values) {
    value = word;
    if (available >= width) {
      word >>= width;
      available -= width;
    } else {
      word = 0;
      const auto left = static_cast<std::size_t>(end - packed);
      std::memcpy(&word, packed, left < sizeof word ? left : sizeof word);
      packed += left < sizeof word ? left : sizeof word;
      value |= word << available;
      const unsigned used = width - available;
      word >>= used;  // used <= width < 64
      available = 64 - used;
    }
    value &= mask;
  }
}

void first_bits(std::span<const Block> blocks, std::uint64_t* bits) {
  for (std::size_t first = 0; first < blocks.size(); first += 64) {
    const std::size_t count = blocks.size() - first < 64 ? blocks.size() - first : 64;
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < count; ++i) word |= (blocks[first + i].lo & 1) << i;
    bits[first / 64] = word;
  }
}

// Warren, "Hacker's Delight", 2nd edition, section 7-3.
void transpose_words(std::uint64_t (&words)[64]) {
  std::uint64_t mask = 0x0000'0000'ffff'ffff;
  for (unsigned shift = 32; shift != 0; shift /= 2, mask ^= mask << shift)
    for (unsigned i = 0; i < 64; ++i) {
      if ((i & shift) != 0) continue;
      const std::uint64_t moved = ((words[i] >> shift) ^ words[i + shift]) & mask;
      words[i + shift] ^= moved;
      words[i] ^= moved << shift;
    }
}

}  // namespace hush::mpc
