// The device that a test of kernels runs on: the emulator in cuda_test, a GPU in cuda_gpu_test.
//
// A kernel test says what it does in terms of core/backend.h, once; `expect_parity` does it on the
// CPU backend, whose kernels tests/core checks against their definitions, and on the device under
// test, in every order in which the emulator can run threads.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "cuda/backend.h"

namespace hush::cuda {

// Makes the device known to core. Returns nothing, or a line that says why there is none.
std::string register_device_under_test();
// In how many orders it can run the threads of a block, and which to use from now on.
int thread_orders();
void set_thread_order(int order);

inline constexpr Device kDevice{Device::Kind::cuda, 0};

// Skips, saying why, where there is no device.
class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string why_not = register_device_under_test();
    if (!why_not.empty()) GTEST_SKIP() << "NOT TESTED: " << why_not;
  }
  void TearDown() override { set_thread_order(0); }

  static CudaBackend& device() { return static_cast<CudaBackend&>(backend(kDevice)); }
};

// Host tensors with random contents, the same each time.
Tensor integers(const Shape& shape, DType dtype, int bound = 4);  // from -bound to bound
Tensor integers(const Shape& shape, int bound = 4);               // float32
Tensor reals(const Shape& shape, float low = -2, float high = 2);
Tensor random_ring(const Shape& shape);
Tensor labels(std::int64_t rows, std::int64_t classes);
// A host tensor for results: full of NaN (or all bits set), so that an element that a kernel
// leaves out shows.
Tensor result(const Shape& shape, DType dtype = DType::float32);

// Bytes equal, or floats within `tolerance` (relative above 1, absolute below).
void expect_equal(const Tensor& actual, const Tensor& expected, float tolerance,
                  const std::string& what);

using KernelCall = std::function<void(Backend& backend, const std::vector<Tensor>& t)>;

// Runs `call` on the CPU and, in each order of threads, on the device, each with copies of
// `tensors` of its own; all of them must agree afterwards. Undefined tensors stay undefined.
void expect_parity(const std::vector<Tensor>& tensors, const KernelCall& call, float tolerance = 0);

// Runs `call` on the device in each order of threads, with copies of `tensors`, and hands the
// tensors, back on the host, to `verify`.
void on_device(const std::vector<Tensor>& tensors,
               const std::function<void(CudaBackend& device, const std::vector<Tensor>& t)>& call,
               const std::function<void(const std::vector<Tensor>& t)>& verify);

}  // namespace hush::cuda
