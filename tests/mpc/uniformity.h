// Chi-square tests that bytes look uniform over their 256 values: 255 degrees of freedom, so the
// statistic has mean 255 and standard deviation 22.6. The bounds are 6 deviations away: a right
// program fails once in about 10^8 runs. Needs some thousand bytes of each kind.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hush::mpc::test {

using ByteCounts = std::array<std::size_t, 256>;

inline void expect_uniform(const ByteCounts& counts, const std::string& what) {
  double total = 0;
  for (const std::size_t count : counts) total += double(count);
  const double expected = total / 256;
  double chi_square = 0;
  for (const std::size_t count : counts)
    chi_square += (double(count) - expected) * (double(count) - expected) / expected;
  EXPECT_LT(chi_square, 255 + 6 * std::sqrt(2 * 255.0)) << what;
  EXPECT_GT(chi_square, 255 - 6 * std::sqrt(2 * 255.0)) << what << ": too even";
}

// All bytes together.
inline void expect_uniform(std::span<const std::byte> bytes) {
  ByteCounts counts{};
  for (const std::byte byte : bytes) ++counts[std::size_t(byte)];
  expect_uniform(counts, "all bytes");
}

// Each of the eight bytes of the words.
inline void expect_uniform_bytes(std::span<const std::uint64_t> words) {
  for (unsigned byte = 0; byte < 8; ++byte) {
    ByteCounts counts{};
    for (const std::uint64_t word : words) ++counts[word >> (8 * byte) & 255];
    expect_uniform(counts, "byte " + std::to_string(byte));
  }
}

}  // namespace hush::mpc::test
