// The emulator notices broken kernels: one small kernel per mistake.
#include "cuda/emulator/grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <thread>
#include <vector>

#include "cuda/kernels/collectives.cuh"
#include "cuda/launch.h"

namespace hush::cuda {
namespace {

using emulator::DeviceError;
using emulator::Order;

struct Cells {
  int of[64];
};

__global__ void missing_barrier(int* out) {
  auto& shared = shared_memory<Cells>();
  shared.of[threadIdx.x] = int(threadIdx.x);
  out[threadIdx.x] = shared.of[63 - threadIdx.x];
}

__global__ void with_barrier(int* out) {
  auto& shared = shared_memory<Cells>();
  shared.of[threadIdx.x] = int(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = shared.of[63 - threadIdx.x];
}

__global__ void divergent_barriers() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void early_return() {
  if (threadIdx.x == 40) return;
  __syncthreads();
}

__global__ void absent_lane() {
  if (threadIdx.x != 5) __syncwarp();
}

__global__ void partial_mask() {
  __syncwarp(0xffff);
}

__global__ void divergent_collectives(int* out) {
  if (threadIdx.x % 2 == 0)
    out[threadIdx.x] = __shfl_xor_sync(~0u, 1, 1);
  else
    out[threadIdx.x] = int(__ballot_sync(~0u, 1));
}

__global__ void barrier_and_collective() {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncwarp();
}

__global__ void unwritten_shared_memory(float* out) {
  out[threadIdx.x] = shared_memory<WarpResults<float>>().of[threadIdx.x];
}

struct TooLarge {
  char bytes[40 * 1024];
};
struct TooLargeToo {
  char bytes[10 * 1024];
};

__global__ void too_much_shared_memory() {
  shared_memory<TooLarge>().bytes[0] = 0;
  shared_memory<TooLargeToo>().bytes[0] = 0;
}

__global__ void throws_in_one_thread() {
  if (threadIdx.x == 3) throw Error("from a kernel");
  __syncthreads();
}

__global__ void sums(const int* in, int* out) {
  const int all = block_sum(in[threadIdx.x]);
  const int squares = block_sum(in[threadIdx.x] * in[threadIdx.x]);
  out[threadIdx.x] = all * 1000 + squares;
}

__global__ void count_threads(int* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  ++out[block * 24 + thread];
}

// What a kernel reports; empty if it runs through.
std::string complaint(const std::function<void()>& start) {
  try {
    start();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return {};
}

template <class... Arguments>
std::string run(void (*kernel)(Arguments...), unsigned threads, Arguments... arguments) {
  return complaint([&] { launch(Queue{}, kernel, dim3(1), dim3(threads), arguments...); });
}

class Emulator : public testing::Test {
 protected:
  void TearDown() override { emulator::set_order(Order::ascending); }
};

void expect_complaint(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "says: '" << text << "'";
}

TEST_F(Emulator, AMissingBarrierDependsOnTheOrder) {
  std::vector<int> forward(64), backward(64), shuffled(64);
  run<int*>(missing_barrier, 64, forward.data());
  emulator::set_order(Order::descending);
  run<int*>(missing_barrier, 64, backward.data());
  EXPECT_NE(forward, backward);
  for (const Order order : {Order::ascending, Order::descending, Order::shuffled}) {
    emulator::set_order(order);
    run<int*>(with_barrier, 64, shuffled.data());
    for (int i = 0; i < 64; ++i) EXPECT_EQ(shuffled[std::size_t(i)], 63 - i);
  }
}

TEST_F(Emulator, ReportsThreadsThatPart) {
  std::vector<int> out(64);
  expect_complaint(run(divergent_barriers, 64), "divergent barriers");
  expect_complaint(run(early_return, 64), "thread 40 returned although a barrier waits");
  expect_complaint(run(absent_lane, 64), "lanes that never come");
  expect_complaint(run(partial_mask, 32), "partial warp mask");
  expect_complaint(run<int*>(divergent_collectives, 32, out.data()), "divergent warp collectives");
  expect_complaint(run(barrier_and_collective, 32), "lanes that never come");
}

TEST_F(Emulator, TheReportNamesThePlace) {
  const std::string text = run(absent_lane, 32);
  expect_complaint(text, "emulator_test.cpp:");
  expect_complaint(text, "block 0,0,0");
}

TEST_F(Emulator, ReportsWhatADeviceWouldRefuse) {
  expect_complaint(run(too_much_shared_memory, 1), "48 KiB of shared memory");
  expect_complaint(run(absent_lane, 1025), "invalid block");
  expect_complaint(run(absent_lane, 0), "invalid block");
  expect_complaint(complaint([] { launch(Queue{}, early_return, dim3(1, 65536), dim3(1)); }),
                   "invalid grid");
}

TEST_F(Emulator, UnwrittenSharedMemoryReadsAsNan) {
  std::vector<float> out(32);
  run<float*>(unwritten_shared_memory, 32, out.data());
  for (const float v : out) EXPECT_TRUE(std::isnan(v));
}

TEST_F(Emulator, AnErrorInAKernelLeavesTheDeviceUsable) {
  EXPECT_THROW(launch(Queue{}, throws_in_one_thread, dim3(1), dim3(64)), Error);
  std::vector<int> out(64);
  EXPECT_EQ(run<int*>(with_barrier, 64, out.data()), "");
  EXPECT_EQ(out[0], 63);
}

TEST_F(Emulator, CollectivesMayFollowEachOther) {
  for (const unsigned threads : {32u, 96u, 1024u})
    for (const Order order : {Order::ascending, Order::descending, Order::shuffled}) {
      emulator::set_order(order);
      std::vector<int> in(threads), out(threads);
      int all = 0, squares = 0;
      for (unsigned i = 0; i < threads; ++i) {
        in[i] = int(i % 7);
        all += in[i];
        squares += in[i] * in[i];
      }
      EXPECT_EQ((run<const int*, int*>(sums, threads, in.data(), out.data())), "");
      for (const int v : out) ASSERT_EQ(v, all * 1000 + squares);
    }
}

TEST_F(Emulator, EveryThreadOfTheGridRunsOnce) {
  std::vector<int> counts(24 * 30);
  launch(Queue{}, count_threads, dim3(2, 3, 5), dim3(4, 3, 2), counts.data());
  for (const int count : counts) EXPECT_EQ(count, 1);
  launch(Queue{}, count_threads, dim3(0, 3, 5), dim3(4, 3, 2), counts.data());  // nothing to do
  EXPECT_EQ(counts[0], 1);
}

TEST_F(Emulator, HostThreadsHaveDevicesOfTheirOwn) {
  const auto work = [](Order order) {
    emulator::set_order(order);
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<int> in(64, repeat), out(64);
      run<const int*, int*>(sums, 64, in.data(), out.data());
      EXPECT_EQ(out[0], 64 * repeat * 1000 + 64 * repeat * repeat);
    }
  };
  std::thread other(work, Order::shuffled);
  work(Order::descending);
  other.join();
}

}  // namespace
}  // namespace hush::cuda
