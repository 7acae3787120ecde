#include "data/prefetcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace hush::data {
namespace {

using namespace std::chrono_literals;

TEST(Prefetcher, DeliversInOrderWithAnyNumberOfThreads) {
  for (int threads : {0, 1, 2, 5}) {
    Prefetcher<std::int64_t> prefetcher(3, 100, threads, 4, [](std::int64_t number) {
      if (number % 7 == 0) std::this_thread::sleep_for(1ms);  // so that others overtake
      return number * number;
    });
    for (std::int64_t number = 3; number < 100; ++number)
      ASSERT_EQ(prefetcher.next(), number * number) << threads;
    EXPECT_EQ(prefetcher.next(), std::nullopt);
    EXPECT_EQ(prefetcher.next(), std::nullopt);
  }
}

TEST(Prefetcher, NothingToMake) {
  Prefetcher<int> prefetcher(5, 5, 2, 1, [](std::int64_t) -> int { throw std::logic_error(""); });
  EXPECT_EQ(prefetcher.next(), std::nullopt);
}

TEST(Prefetcher, StaysWithinItsBound) {
  std::atomic<int> started = 0;
  Prefetcher<int> prefetcher(0, 1000, 3, 5, [&](std::int64_t) { return ++started; });
  const auto settle = [&](int expected) {
    for (int i = 0; i < 2000 && started < expected; ++i) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(started, expected);
  };
  settle(5);
  prefetcher.next();
  prefetcher.next();
  settle(7);
}

TEST(Prefetcher, MovesItemsThatCannotBeCopied) {
  Prefetcher<std::unique_ptr<int>> prefetcher(
      0, 2, 1, 1, [](std::int64_t number) { return std::make_unique<int>(int(number)); });
  EXPECT_EQ(**prefetcher.next(), 0);
  EXPECT_EQ(**prefetcher.next(), 1);
}

TEST(Prefetcher, RethrowsWhenItIsTheItemsTurn) {
  for (int threads : {0, 1, 4}) {
    Prefetcher<std::int64_t> prefetcher(0, 50, threads, 8, [](std::int64_t number) {
      if (number >= 6) throw std::runtime_error("item " + std::to_string(number));
      std::this_thread::sleep_for(1ms);  // so that the failure comes before its turn
      return number;
    });
    for (std::int64_t number = 0; number < 6; ++number) ASSERT_EQ(prefetcher.next(), number);
    for (int again = 0; again < 2; ++again) try {
        prefetcher.next();
        ADD_FAILURE() << "no exception";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "item 6");
      }
  }
}

TEST(Prefetcher, StopsWhenDestroyedEarly) {
  const auto alive = std::make_shared<int>();
  for (int taken : {0, 1, 5}) {
    {
      Prefetcher<std::shared_ptr<int>> prefetcher(0, 1 << 30, 4, 6,
                                                  [alive](std::int64_t) { return alive; });
      for (int i = 0; i < taken; ++i) prefetcher.next();
    }
    EXPECT_EQ(alive.use_count(), 1);  // neither items nor threads are left
  }
}

TEST(Prefetcher, RefusesNonsense) {
  const auto make = [](std::int64_t) { return 0; };
  EXPECT_THROW(Prefetcher<int>(0, 1, -1, 1, make), ArgumentError);
  EXPECT_THROW(Prefetcher<int>(0, 1, 1, 0, make), ArgumentError);
}

}  // namespace
}  // namespace hush::data
