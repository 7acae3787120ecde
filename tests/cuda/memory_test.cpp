// The device's memory: copies, the caching pool, and a backend's own errors.
#include <thread>

#include "cuda/error.h"
#include "cuda/register.h"
#include "device_under_test.h"

namespace hush::cuda {
namespace {

class Memory : public DeviceTest {};

TEST_F(Memory, CopiesThereAndBack) {
  for (const std::int64_t n : {0, 1, 1000}) {
    const Tensor host = random_ring({n});
    const Tensor there = host.to(kDevice);
    EXPECT_EQ(there.device(), kDevice);
    expect_equal(there.clone().to({}), host, 0, "the copy of a copy");
  }
  const Tensor zeros = Tensor::zeros({77}, DType::float32, kDevice);
  expect_equal(zeros.to({}), Tensor::zeros({77}, DType::float32), 0, "zeros");
}

TEST_F(Memory, CopyRefusesOtherSizesAndDevices) {
  const Tensor there = integers({4}).to(kDevice);
  EXPECT_THROW(device().copy(integers({5}), there), ArgumentError);
  EXPECT_THROW(device().copy(integers({4}), integers({4})), ArgumentError);
  EXPECT_THROW(device().zero(integers({4})), ArgumentError);
}

TEST_F(Memory, ThePoolHandsOutWhatCameBack) {
  DevicePool pool(0);
  std::shared_ptr<std::byte> first = pool.allocate(100'000);
  const std::byte* address = first.get();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % 256, 0u);
  first.reset();
  EXPECT_EQ(pool.use().live_bytes, 0u);
  const auto again = pool.allocate(99'000);  // of the same rounded size
  EXPECT_EQ(again.get(), address);
  const auto other = pool.allocate(99'000);
  EXPECT_NE(other.get(), address);
  EXPECT_EQ(pool.use().reserved_bytes, pool.use().live_bytes);
  EXPECT_LE(pool.use().live_bytes, 2 * 99'000 * 9 / 8);
  EXPECT_EQ(pool.use().peak_bytes, pool.use().live_bytes);
}

TEST_F(Memory, TrimGivesCachedBlocksBack) {
  DevicePool pool(0);
  const auto kept = pool.allocate(5'000);
  pool.allocate(1 << 20);
  EXPECT_GT(pool.use().reserved_bytes, std::size_t{1} << 20);
  pool.trim();
  EXPECT_EQ(pool.use().reserved_bytes, pool.use().live_bytes);
}

TEST_F(Memory, BlocksMayOutliveThePool) {
  auto pool = std::make_unique<DevicePool>(0);
  const auto block = pool->allocate(64);
  pool.reset();
  EXPECT_NE(block, nullptr);
}

TEST_F(Memory, OutOfMemoryLeavesEverythingInPlace) {
  const Tensor kept = integers({1000}).to(kDevice);
  try {
    const auto block = device().allocate(device().properties().memory_bytes * 2);
    FAIL() << "a device gave twice its memory";
  } catch (const OutOfMemoryError& error) {
    EXPECT_GE(error.asked, device().properties().memory_bytes);
    EXPECT_LT(error.free, error.asked);
    EXPECT_GE(error.live, kept.bytes());
    const std::string text = error.what();
    EXPECT_NE(text.find("MiB asked for"), std::string::npos) << text;
    EXPECT_NE(text.find("MiB free"), std::string::npos) << text;
  }
  expect_equal(kept.to({}), integers({1000}), 0, "a tensor from before");
  device().axpby(2, kept, 0, kept);  // and kernels still run
  device().synchronize();
}

TEST_F(Memory, ADeviceThatDoesNotExistIsNamed) {
  EXPECT_GE(device_count(), 1);
  const int missing = device_count() + 3;
  try {
    (void)backend({Device::Kind::cuda, missing});
    FAIL() << "cuda:" << missing << " exists";
  } catch (const DeviceIndexError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(fmt::format("cuda:{}", missing)), std::string::npos) << text;
  }
  EXPECT_THROW(check_device(-1), DeviceIndexError);
}

TEST_F(Memory, EventsMeasureTime) {
  const EventHandle begin = runtime::create_event(), end = runtime::create_event();
  const Queue queue = device().queue();
  runtime::record(begin, queue.stream);
  const Tensor x = reals({1 << 14}).to(kDevice);
  device().map(Unary::silu, x, x);
  runtime::record(end, queue.stream);
  EXPECT_GT(runtime::milliseconds(begin, end), 0);
  runtime::destroy_event(begin);
  runtime::destroy_event(end);
}

// Two parties in one process share a device.
TEST_F(Memory, SeveralThreadsMayUseOneDevice) {
  const auto work = [](std::int64_t n) {
    const Tensor host = integers({n, n}, DType::ring64);
    Tensor expected = result({n, n}, DType::ring64);
    backend({}).gemm({}, host, host, expected);
    for (int repeat = 0; repeat < 5; ++repeat) {
      const Tensor x = host.to(kDevice), y = Tensor::empty({n, n}, DType::ring64, kDevice);
      backend(kDevice).gemm({}, x, x, y);
      expect_equal(y.to({}), expected, 0, "product");
    }
  };
  std::thread other(work, 33);
  work(40);
  other.join();
}

TEST_F(Memory, TheDeviceDescribesItself) {
  EXPECT_NE(device().description().find("multiprocessors"), std::string::npos);
  EXPECT_NE(device().description().find("GiB"), std::string::npos);
}

}  // namespace
}  // namespace hush::cuda
