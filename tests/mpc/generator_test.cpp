// The generator: one stream whatever the cut, fresh seeds, forks, and a sanity check of its bits.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "mpc/ot/generator.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc {
namespace {

TEST(Generator, StreamIsAesInCounterMode) {
  const Block seed{42, 43};
  AesKey key;
  aes_kernels().expand(seed, key);
  std::vector<Block> expected(100);
  aes_kernels().counter(key, 0, expected.data(), expected.size());
  std::vector<Block> got(100);
  Generator generator = Generator::from_seed(seed);
  generator.fill(std::span(got));
  EXPECT_EQ(got, expected);
}

TEST(Generator, StreamDoesNotDependOnHowItIsCut) {
  constexpr std::size_t kSize = 20000;
  std::vector<std::byte> whole(kSize);
  Generator once = Generator::deterministic_for_tests(1);
  once.fill(std::span(whole));
  for (const std::size_t step : {1, 3, 8, 16, 100, 511, 512, 513, 4096, 5001}) {
    std::vector<std::byte> pieces(kSize + 1);
    Generator generator = Generator::deterministic_for_tests(1);
    // Also through misaligned memory.
    const std::span<std::byte> out = std::span(pieces).subspan(step % 2, kSize);
    for (std::size_t done = 0; done < kSize; done += step)
      generator.fill(out.subspan(done, std::min(step, kSize - done)));
    EXPECT_TRUE(std::equal(whole.begin(), whole.end(), out.begin())) << step;
  }
  Generator words = Generator::deterministic_for_tests(1);
  std::uint64_t first = 0;
  std::memcpy(&first, whole.data(), sizeof first);
  EXPECT_EQ(words.next_u64(), first);
}

TEST(Generator, MovingKeepsTheStream) {
  Generator reference = Generator::deterministic_for_tests(2);
  Generator original = Generator::deterministic_for_tests(2);
  EXPECT_EQ(original.next_u64(), reference.next_u64());
  Generator moved = std::move(original);
  EXPECT_EQ(moved.next_u64(), reference.next_u64());
}

TEST(Generator, SystemSeedsDiffer) {
  Generator a = Generator::from_system();
  Generator b = Generator::from_system();
  EXPECT_FALSE(a.next_block() == b.next_block());
}

// What the child of a fork draws next, read through a pipe.
Block block_after_fork(Generator& generator) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Block block = generator.next_block();
    const bool written = write(ends[1], &block, sizeof block) == sizeof block;
    _exit(written ? 0 : 1);
  }
  Block block;
  EXPECT_EQ(read(ends[0], static_cast<void*>(&block), sizeof block),
            static_cast<ssize_t>(sizeof block));
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(ends[0]);
  close(ends[1]);
  return block;
}

TEST(Generator, ChildOfAForkDrawsItsOwnSeed) {
  Generator generator = Generator::from_system();
  generator.next_u64();  // leaves bytes in the buffer, which the child must not use either
  const Block child = block_after_fork(generator);
  const Block second_child = block_after_fork(generator);
  const Block parent = generator.next_block();
  EXPECT_FALSE(child == parent);
  EXPECT_FALSE(second_child == parent);
  EXPECT_FALSE(child == second_child);
}

TEST(Generator, ChildOfAForkKeepsASharedSeed) {
  Generator generator = Generator::deterministic_for_tests(3);
  const Block child = block_after_fork(generator);
  EXPECT_EQ(child, generator.next_block());
}

TEST(Generator, BitsLookUniform) {
  std::vector<std::uint64_t> words(1 << 17);
  Generator generator = Generator::deterministic_for_tests(4);
  generator.fill(std::span(words));
  test::expect_uniform(std::as_bytes(std::span(words)));
  std::int64_t ones = 0;
  std::int64_t equal_neighbours = 0;
  for (const std::uint64_t word : words) {
    ones += std::popcount(word);
    equal_neighbours += std::popcount(~(word ^ std::rotl(word, 1)));
  }
  // 2^23 bits: standard deviation 1448; seven of them.
  EXPECT_NEAR(static_cast<double>(ones), 1 << 22, 7 * 1448);
  EXPECT_NEAR(static_cast<double>(equal_neighbours), 1 << 22, 7 * 1448);
}

}  // namespace
}  // namespace hush::mpc
