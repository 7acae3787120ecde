// Bit slicing: bit j of n words as a packed vector, "plane" j, so that one machine operation acts
// on 64 or more elements.
//
// Layout: planes [width][bit_words(n)]; bit i % 64 of word i / 64 of plane j is bit j of x[i]. Bits
// beyond the last element are 0.
#pragma once

#include <cstdint>
#include <span>

#include "core/dtype.h"

namespace hush::mpc {

// The low `width` bits of each word, width at most 64; `planes` has width · bit_words(x.size())
// words.
void slice_bits(std::span<const Ring> x, unsigned width, std::span<std::uint64_t> planes);

}  // namespace hush::mpc
