// What a program hears on machines with no driver, an old one, no GPU, or too little memory; and
// the guards around the emulated device's memory.
#include "cuda/emulator/machine.h"

#include <gtest/gtest.h>

#include "../device_under_test.h"
#include "cuda/emulator/fiber.h"
#include "cuda/emulator/grid.h"
#include "cuda/error.h"
#include "cuda/launch.h"
#include "cuda/register.h"
#include "nn/models.h"
#include "nn/trainer.h"
#include "tests/nn/memory_source.h"

namespace hush::cuda {
namespace {

using Driver = runtime::Probe::Driver;

class Machine : public testing::Test {
 protected:
  void TearDown() override { emulator::machine() = {}; }
};

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "says: '" << text << "'";
  EXPECT_EQ(text.find('\n'), std::string::npos) << "is one line";
}

TEST_F(Machine, RegisteringSaysWhyThereIsNoDevice) {
  EXPECT_EQ(register_cuda(), "");
  emulator::machine().driver = Driver::absent;
  expect_part(register_cuda(), "no NVIDIA driver");
  EXPECT_EQ(device_count(), 0);
  emulator::machine().driver = Driver::too_old;
  expect_part(register_cuda(), "driver supports CUDA 12.4, this build needs 13.0");
  emulator::machine().driver = Driver::no_device;
  expect_part(register_cuda(), "sees no GPU");
  emulator::machine().driver = Driver::failed;
  expect_part(register_cuda(), "played failure");
}

TEST_F(Machine, ErrorsHaveTypes) {
  EXPECT_NO_THROW(check_device(0));
  EXPECT_THROW(check_device(1), DeviceIndexError);
  emulator::machine().devices = 2;
  EXPECT_NO_THROW(check_device(1));
  emulator::machine().driver = Driver::absent;
  EXPECT_THROW(check_device(0), NoDriverError);
  emulator::machine().driver = Driver::too_old;
  EXPECT_THROW(check_device(0), DriverTooOldError);
  emulator::machine().driver = Driver::no_device;
  EXPECT_THROW(check_device(0), CudaError);
  EXPECT_THROW(CudaBackend(0), CudaError);
}

TEST_F(Machine, CachedBlocksGiveWayBeforeMemoryIsOut) {
  const std::size_t before = runtime::memory().total_bytes - runtime::memory().free_bytes;
  emulator::machine().memory_bytes = before + (4 << 20);
  DevicePool pool(0);
  pool.allocate(3 << 20).reset();  // cached now
  EXPECT_NO_THROW(pool.allocate(2 << 20));
  try {
    const auto held = pool.allocate(3 << 20);
    const auto more = pool.allocate(2 << 20);
    FAIL() << "5 MiB fitted into 4";
  } catch (const OutOfMemoryError& error) {
    EXPECT_EQ(error.asked, std::size_t{2} << 20);
    EXPECT_LE(error.free, std::size_t{1} << 20);
    expect_part(error.what(), "2.0 MiB asked for");
  }
}

// A batch that does not fit: nothing is lost, and a smaller one trains on.
TEST_F(Machine, TrainingThatRunsOutOfMemoryKeepsItsWeights) {
  ASSERT_EQ(register_cuda(), "");
  const Graph model = nn::make_model("resnet8", 3, {1, 8, 8, 1}, 11).copied_to(kDevice);
  const auto weights = [&] {
    std::vector<float> all;
    for (const NodeId node : model.of_kind(NodeKind::parameter)) {
      const Tensor t = model[node].value.to({});
      all.insert(all.end(), t.values<float>().begin(), t.values<float>().end());
    }
    return all;
  };
  const std::vector<float> before = weights();
  nn::Trainer trainer(model, {}, {.epochs = 1});
  const std::size_t used = runtime::memory().total_bytes - runtime::memory().free_bytes;
  emulator::machine().memory_bytes = used + (1 << 20);
  nn::MemorySource large = nn::make_task(600, 600, 1), small = nn::make_task(8, 4, 1);
  EXPECT_THROW(trainer.run(large), OutOfMemoryError);
  EXPECT_EQ(weights(), before);
  EXPECT_EQ(trainer.progress().step, 0);
  EXPECT_EQ(trainer.run(small), nn::Ending::finished);
  EXPECT_NE(weights(), before);
}

__global__ void write_at(float* x, int i) {
  x[i] = 1;
}

TEST_F(Machine, FreshMemoryReadsAsNan) {
  ASSERT_EQ(register_cuda(), "");
  { const Tensor used = Tensor::zeros({100}, DType::float32, kDevice); }
  const Tensor fresh = Tensor::empty({100}, DType::float32, kDevice).to({});
  for (const float v : fresh.values<float>()) EXPECT_TRUE(v != v);
}

// One element behind a tensor of 3: inside of the pool's rounded block, outside of the tensor.
TEST_F(Machine, AWriteOutsideOfATensorIsReported) {
  ASSERT_EQ(register_cuda(), "");
  auto& device = static_cast<CudaBackend&>(backend(kDevice));
  const Tensor x = Tensor::zeros({3}, DType::float32, kDevice);
  const auto write = [&](int i) {
    launch(device.queue(), write_at, dim3(1), dim3(1), x.device_data<float>(), i);
  };
  EXPECT_NO_THROW(write(2));
#ifdef HUSH_EMULATOR_ASAN
  EXPECT_DEATH(write(3), "use-after-poison");
  EXPECT_DEATH(write(-1), "use-after-poison");
#else
  EXPECT_THROW(write(3), emulator::DeviceError);
  EXPECT_THROW(write(-1), emulator::DeviceError);
  EXPECT_NO_THROW(write(0));  // reported once
#endif
}

}  // namespace
}  // namespace hush::cuda
