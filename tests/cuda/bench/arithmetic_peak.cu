#include "arithmetic_peak.h"

#include "cuda/launch.h"

namespace hush::cuda {
namespace {

constexpr unsigned kBlocks = 1024, kThreads = 256;
constexpr int kChains = 16;  // independent sums per thread, enough to hide an addition's latency

// A thread advances its chains `rounds` times; the result is stored so that it is not left out. No
// shared memory.
template <class T>
__global__ void __launch_bounds__(kThreads) peak_kernel(T* out, T factor, int rounds) {
  const unsigned thread = blockIdx.x * kThreads + threadIdx.x;
  T chain[kChains];
  HUSH_UNROLL
  for (int j = 0; j < kChains; ++j) chain[j] = T(thread + unsigned(j));
  for (int round = 0; round < rounds; ++round) {
    HUSH_UNROLL
    for (int j = 0; j < kChains; ++j) chain[j] = chain[j] * factor + factor;
  }
  T sum = 0;
  HUSH_UNROLL
  for (int j = 0; j < kChains; ++j) sum += chain[j];
  out[thread] = sum;
}

}  // namespace

void arithmetic_peak(CudaBackend& backend, DType dtype, int rounds) {
  with_arithmetic_type(dtype, "arithmetic_peak", [&](auto zero) {
    using T = decltype(zero);
    const Queue queue = backend.queue();
    const Scratch<T> out(queue, std::size_t{kBlocks} * kThreads);
    launch(queue, peak_kernel<T>, dim3(kBlocks), dim3(kThreads), out.data(), T(1) / T(2) + T(1),
           rounds);
  });
}

double arithmetic_peak_macs(int rounds) {
  return double(kBlocks) * kThreads * kChains * rounds;
}

}  // namespace hush::cuda
