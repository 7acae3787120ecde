// A chi-square test that words look uniform, byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

namespace hush::mpc::test {

// Fails unless each of the eight bytes of the words is uniform over 256 values: χ² with 255 degrees
// of freedom, whose mean is 255 and standard deviation 22.6; the bound is 6 deviations away, so a
// right program fails here once in about 10^8 runs. Needs some thousand words.
inline void expect_uniform_bytes(std::span<const std::uint64_t> words) {
  for (unsigned byte = 0; byte < 8; ++byte) {
    std::array<std::size_t, 256> counts{};
    for (const std::uint64_t word : words) ++counts[word >> (8 * byte) & 255];
    const double expected = double(words.size()) / 256;
    double chi_square = 0;
    for (const std::size_t count : counts)
      chi_square += (double(count) - expected) * (double(count) - expected) / expected;
    EXPECT_LT(chi_square, 255 + 6 * std::sqrt(2 * 255.0)) << "byte " << byte;
    EXPECT_GT(chi_square, 255 - 6 * std::sqrt(2 * 255.0)) << "byte " << byte << ": too even";
  }
}

}  // namespace hush::mpc::test
