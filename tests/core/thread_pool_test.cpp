// Parallel loops: every chunk once, exceptions, nesting, several callers, and results that do not
// depend on the number of threads. Worth running under ThreadSanitizer.
#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "core/backend.h"
#include "core/random.h"

namespace hush {
namespace {

// Restores the thread count that the test began with.
class ThreadPoolTest : public testing::Test {
 protected:
  ~ThreadPoolTest() override { set_thread_count(before_); }

 private:
  int before_ = thread_count();
};

TEST_F(ThreadPoolTest, EveryChunkRunsOnce) {
  for (const int threads : {1, 2, 5}) {
    set_thread_count(threads);
    EXPECT_EQ(thread_count(), threads);
    for (const std::size_t chunks : {0u, 1u, 2u, 3u, 1000u}) {
      std::vector<std::atomic<int>> runs(chunks);
      parallel_chunks(chunks, [&](std::size_t chunk) { ++runs[chunk]; });
      for (const auto& count : runs) EXPECT_EQ(count, 1);
    }
  }
}

TEST_F(ThreadPoolTest, RangesCoverTheCount) {
  set_thread_count(3);
  for (const std::size_t count : {0u, 1u, 7u, 8u, 9u, 1000u}) {
    std::vector<std::atomic<int>> runs(count);
    parallel_for(count, 8, [&](std::size_t begin, std::size_t end) {
      EXPECT_LE(end - begin, 8u);
      for (std::size_t i = begin; i < end; ++i) ++runs[i];
    });
    for (const auto& hits : runs) EXPECT_EQ(hits, 1);
  }
}

TEST_F(ThreadPoolTest, ExceptionReachesTheCallerAndThePoolLivesOn) {
  for (const int threads : {1, 4}) {
    set_thread_count(threads);
    for (int round = 0; round < 20; ++round) {
      EXPECT_THROW(parallel_chunks(100,
                                   [](std::size_t chunk) {
                                     if (chunk == 37) throw std::runtime_error("chunk 37");
                                   }),
                   std::runtime_error);
      std::atomic<int> runs = 0;
      parallel_chunks(100, [&](std::size_t) { ++runs; });
      EXPECT_EQ(runs, 100);
    }
  }
}

TEST_F(ThreadPoolTest, LoopInsideALoopRunsOnItsCaller) {
  set_thread_count(4);
  std::atomic<int> runs = 0;
  parallel_chunks(8, [&](std::size_t) {
    const auto caller = std::this_thread::get_id();
    parallel_chunks(8, [&](std::size_t) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      ++runs;
    });
  });
  EXPECT_EQ(runs, 64);
}

TEST_F(ThreadPoolTest, ExceptionOfAnInnerLoopPassesBoth) {
  set_thread_count(3);
  EXPECT_THROW(parallel_chunks(4,
                               [](std::size_t) {
                                 parallel_chunks(4, [](std::size_t i) {
                                   if (i == 2) throw std::runtime_error("inner");
                                 });
                               }),
               std::runtime_error);
}

TEST_F(ThreadPoolTest, TwoCallersAtOnceBothFinish) {
  set_thread_count(3);
  const auto work = [] {
    for (int round = 0; round < 200; ++round) {
      std::vector<int> values(64);
      parallel_chunks(values.size(), [&](std::size_t i) { values[i] = int(i) + round; });
      for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], int(i) + round);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

TEST_F(ThreadPoolTest, CountMustBePositive) {
  EXPECT_THROW(set_thread_count(0), ArgumentError);
  EXPECT_THROW(set_thread_count(-2), ArgumentError);
}

// Runs every kernel that sums across chunks; the results as raw bytes.
std::vector<float> reductions() {
  const Shape shape{37, 29, 31, 24}, c{24};
  const Tensor x = Tensor::empty(shape, DType::float32), dy = Tensor::empty(shape, DType::float32);
  RandomStream random(23, RandomUse::test);
  for (float& v : x.values<float>()) v = random.normal();
  for (float& v : dy.values<float>()) v = random.normal();
  const auto channel = [&](float value) { return Tensor::full(c, value); };
  const BatchNormForward f{x,          channel(2), channel(1), {},        channel(0),
                           channel(1), x.clone(),  channel(0), channel(0)};
  const BatchNormBackward b{x,  f.gamma,    f.mean,     f.inverse_deviation, f.y,
                            dy, dy.clone(), channel(0), channel(0),          {}};
  const Tensor sum = channel(0);
  Backend& cpu = backend({});
  cpu.batch_norm_train({.relu = true}, f);
  cpu.batch_norm_backward({.relu = true}, b);
  cpu.column_sum(x, sum);
  std::vector<float> all{float(cpu.sum_of_squares({&x, 1}))};
  for (const Tensor& t : {f.y, f.mean, f.running_var, b.dx, b.d_gamma, b.d_beta, sum})
    all.insert(all.end(), t.values<float>().begin(), t.values<float>().end());
  return all;
}

TEST_F(ThreadPoolTest, ReductionsDoNotDependOnTheThreadCount) {
  set_thread_count(1);
  const std::vector<float> want = reductions();
  for (const int threads : {2, 3, 8}) {
    set_thread_count(threads);
    EXPECT_EQ(reductions(), want) << threads << " threads";
  }
}

}  // namespace
}  // namespace hush
