// Reproducible random numbers for training: Philox 4x32-10, counter-based.
//
// Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011. Number i
// of a stream is a pure function of (seed, stream, i), so that any thread may produce any part.
// NOT cryptographic: nothing under mpc/ may include this file.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace hush {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// Ten rounds of Philox 4x32 on `counter` under `key`.
constexpr PhiloxBlock philox(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {std::uint32_t(product1 >> 32) ^ counter[1] ^ key[0], std::uint32_t(product1),
               std::uint32_t(product0 >> 32) ^ counter[3] ^ key[1], std::uint32_t(product0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// What a stream of random numbers is for; keeps the streams of one seed apart.
enum class RandomUse : std::uint32_t {
  weights,
  shuffle,
  augmentation,
  dropout,
  indicator,
  test,
  crop
};

// A stream of random numbers that starts at its first number. Copy it to restart.
class RandomStream {
 public:
  // `index` separates streams of the same use, such as one per parameter or one per image.
  RandomStream(std::uint64_t seed, RandomUse use, std::uint64_t index = 0)
      : key_{std::uint32_t(seed), std::uint32_t(seed >> 32)},
        counter_{0, std::uint32_t(index), std::uint32_t(index >> 32), std::uint32_t(use)} {}

  std::uint32_t next() {
    if (used_ == 4) {
      block_ = philox(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }
  // As if next() had been called `count` times.
  void skip(std::uint64_t count) {
    const auto left = std::uint64_t(4 - used_);
    if (count >= left) {
      count -= left;
      counter_[0] += std::uint32_t(count / 4);
      count %= 4;
      used_ = 4;
    }
    for (; count > 0; --count) (void)next();
  }
  // Uniform in [0, 1), 24 bits.
  float uniform() { return float(next() >> 8) * 0x1p-24f; }
  // Uniform in [0, bound), bound at least 1; the bias is below bound / 2^32.
  std::uint32_t below(std::uint32_t bound) {
    return std::uint32_t((std::uint64_t{next()} * bound) >> 32);
  }
  // Standard normal (Box–Muller; the sine half is dropped to keep one number per call).
  float normal() {
    const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform()));
    return radius * std::cos(6.283185307179586f * uniform());
  }

 private:
  std::array<std::uint32_t, 2> key_;
  PhiloxBlock counter_;  // [0] counts blocks: a stream has 2^34 numbers
  PhiloxBlock block_{};
  int used_ = 4;
};

}  // namespace hush
