// Philox against its authors' known answers, and the streams built on it.
#include "core/random.h"

#include <gtest/gtest.h>

#include <set>

namespace hush {
namespace {

// kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
TEST(PhiloxTest, KnownAnswers) {
  constexpr std::uint32_t ones = 0xffffffffu;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStreamTest, SameArgumentsGiveTheSameNumbers) {
  RandomStream a(42, RandomUse::weights, 3), b(42, RandomUse::weights, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(RandomStreamTest, StreamsOfOneSeedAreApart) {
  std::set<std::uint32_t> firsts;
  for (const RandomUse use : {RandomUse::weights, RandomUse::shuffle, RandomUse::test})
    for (const std::uint64_t index : {0ull, 1ull, 1ull << 32, ~0ull})
      for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32, ~0ull})
        firsts.insert(RandomStream(seed, use, index).next());
  EXPECT_EQ(firsts.size(), 3u * 4 * 4);
}

TEST(RandomStreamTest, UniformAndNormalHaveTheirMoments) {
  constexpr int kCount = 200000;
  RandomStream random(1, RandomUse::test);
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0, normal_fourth = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = double(random.uniform()), z = double(random.normal());
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
    normal_sum += z;
    normal_squares += z * z;
    normal_fourth += z * z * z * z;
  }
  // Five standard errors of each estimate.
  EXPECT_NEAR(sum / kCount, 0.5, 5 * 0.2887 / std::sqrt(kCount));
  EXPECT_NEAR(squares / kCount, 1.0 / 3, 5 * 0.2981 / std::sqrt(kCount));
  EXPECT_NEAR(normal_sum / kCount, 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(normal_squares / kCount, 1, 5 * 1.4142 / std::sqrt(kCount));
  EXPECT_NEAR(normal_fourth / kCount, 3, 5 * 9.798 / std::sqrt(kCount));
}

TEST(RandomStreamTest, BelowReachesEveryValueEvenly) {
  RandomStream random(2, RandomUse::test);
  constexpr int kCount = 70000;
  int hits[7] = {};
  for (int i = 0; i < kCount; ++i) ++hits[random.below(7)];
  for (const int hit : hits) EXPECT_NEAR(hit, kCount / 7, 5 * std::sqrt(kCount / 7));
  EXPECT_EQ(random.below(1), 0u);
}

TEST(RandomStreamTest, SkippingIsDrawing) {
  for (const int before : {0, 1, 3, 4, 5})
    for (const int skipped : {0, 1, 2, 3, 4, 7, 8, 1000, 1001}) {
      RandomStream drawn(1, RandomUse::test), skipping(1, RandomUse::test);
      for (int i = 0; i < before + skipped; ++i) (void)drawn.next();
      for (int i = 0; i < before; ++i) (void)skipping.next();
      skipping.skip(std::uint64_t(skipped));
      for (int i = 0; i < 6; ++i)
        ASSERT_EQ(drawn.next(), skipping.next()) << before << " " << skipped;
    }
}

}  // namespace
}  // namespace hush
