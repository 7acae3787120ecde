// The tensor cores' products, played by the lanes of an emulated warp: PTX's mma.sync.m16n8kK for
// bf16, tf32 and 8-bit integers (PTX ISA, "Matrix fragments for mma"). An absent lane is reported
// like at any other collective, a block that does not fill its warps here.
//
// In words of 32 bits all of them have one layout. A is 16 × 8 words, each of neighbours in depth,
// B 8 × 8 words, C 16 × 8 sums; with g = lane / 4 and t = lane mod 4 a lane holds
//   A (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)
//   B (t, g), (t + 4, g)                              as (word of depth, column)
//   C (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
// A device may add in any order and does not say how it rounds in between; here the products are
// added in order, in C's type.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "cuda/emulator/grid.h"

namespace hush::cuda::emulator {

// `dot(c, a, b)` adds the product of two words to c.
template <class Sum, class Dot>
void multiply_fragments(Sum (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                        Site site, const Dot& dot) {
  require_whole_warps("an mma");
  const auto joined = [](std::uint32_t low, std::uint32_t high) {
    return std::uint64_t{high} << 32 | low;
  };
  const std::uint64_t own[3] = {joined(a[0], a[1]), joined(a[2], a[3]), joined(b[0], b[1])};
  const std::uint64_t* all = warp_gather(~0u, own, 3, site);
  const auto word = [&](unsigned lane, unsigned i) {  // a[0..3], b[0..1]
    return std::uint32_t(all[lane * 3 + i / 2] >> (i % 2 * 32));
  };
  const unsigned g = lane() / 4, t = lane() % 4;
  std::uint32_t rows[2][8], columns[2][8];  // g and g + 8; 2t and 2t + 1
  for (unsigned half = 0; half < 2; ++half)
    for (unsigned w = 0; w < 8; ++w) {
      rows[half][w] = word(g * 4 + w % 4, half + w / 4 * 2);
      columns[half][w] = word((2 * t + half) * 4 + w % 4, 4 + w / 4);
    }
  for (unsigned i = 0; i < 4; ++i)
    for (unsigned w = 0; w < 8; ++w) dot(c[i], rows[i / 2][w], columns[i % 2][w]);
}

}  // namespace hush::cuda::emulator

namespace hush::cuda {

inline void mma_bf16(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     emulator::Site site = emulator::Site::current()) {
  emulator::multiply_fragments(c, a, b, site, [](float& sum, std::uint32_t x, std::uint32_t y) {
    const auto low = [](std::uint32_t w) { return std::bit_cast<float>(w << 16); };
    const auto high = [](std::uint32_t w) { return std::bit_cast<float>(w & 0xffff0000u); };
    sum += low(x) * low(y);
    sum += high(x) * high(y);
  });
}

inline void mma_tf32(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     emulator::Site site = emulator::Site::current()) {
  emulator::multiply_fragments(c, a, b, site, [](float& sum, std::uint32_t x, std::uint32_t y) {
    // The low 13 bits are ignored.
    sum += std::bit_cast<float>(x & 0xffffe000u) * std::bit_cast<float>(y & 0xffffe000u);
  });
}

inline void mma_u8(std::uint32_t (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                   emulator::Site site = emulator::Site::current()) {
  emulator::multiply_fragments(c, a, b, site,
                               [](std::uint32_t& sum, std::uint32_t x, std::uint32_t y) {
                                 for (int byte = 0; byte < 32; byte += 8)
                                   sum += (x >> byte & 0xff) * (y >> byte & 0xff);
                               });
}

// Two floats, each rounded to the nearest bf16, ties to even.
inline std::uint32_t pack_bf16(float low, float high) {
  const auto rounded = [](float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if (std::isnan(x)) return 0x7fffu;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  };
  return rounded(high) << 16 | rounded(low);
}

// The nearest tf32, ties away from zero, as a float's bits.
inline std::uint32_t round_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return 0x7fffffffu;
  if (std::isinf(x)) return bits;
  return (bits + 0x1000) & 0xffffe000u;
}

}  // namespace hush::cuda
