#include "arithmetic_peak.h"

#include "cuda/kernels/tensor_arithmetic.cuh"

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

constexpr int kFragments = 8;  // independent sums of a warp

// A warp advances its fragments `rounds` times. No shared memory.
template <class Arithmetic>
__global__ void __launch_bounds__(kThreads)
    tensor_peak_kernel(typename Arithmetic::Sum* out, std::uint32_t word, int rounds) {
  const unsigned thread = blockIdx.x * kThreads + threadIdx.x;
  typename Arithmetic::Sum sums[kFragments][4] = {};
  const std::uint32_t a[4] = {word, word, word, word}, b[2] = {word + thread, word};
  for (int round = 0; round < rounds; ++round) {
    HUSH_UNROLL
    for (int j = 0; j < kFragments; ++j) Arithmetic::mma(sums[j], a, b);
  }
  typename Arithmetic::Sum sum = 0;
  HUSH_UNROLL
  for (int j = 0; j < kFragments; ++j) sum += sums[j][0] + sums[j][1] + sums[j][2] + sums[j][3];
  out[thread] = sum;
}

template <class T>
void start(const Queue& queue, void (*kernel)(T*, T, int), int rounds) {
  const Scratch<T> out(queue, std::size_t{kBlocks} * kThreads);
  launch(queue, kernel, dim3(kBlocks), dim3(kThreads), out.data(), T(1) / T(2) + T(1), rounds);
}

template <class Arithmetic>
void start_tensor(const Queue& queue, int rounds) {
  const Scratch<typename Arithmetic::Sum> out(queue, std::size_t{kBlocks} * kThreads);
  launch(queue, tensor_peak_kernel<Arithmetic>, dim3(kBlocks), dim3(kThreads), out.data(), 0u,
         rounds);
}

// Of one mma: 16 × 8 × the depth of eight words.
template <class Arithmetic>
double tensor_macs(int rounds) {
  return double(kBlocks) * kThreads / 32 * kFragments * rounds * 16 * 8 * 8 * Arithmetic::kPerWord;
}

}  // namespace

const char* name_of(Unit unit) {
  switch (unit) {
    case Unit::float32:
      return "float32";
    case Unit::ring64:
      return "ring64";
    case Unit::tf32:
      return "tf32";
    case Unit::bf16:
      return "bf16";
    case Unit::ring64_bytes:
      break;
  }
  return "ring64 from bytes";
}

void arithmetic_peak(CudaBackend& backend, Unit unit, int rounds) {
  const Queue queue = backend.queue();
  switch (unit) {
    case Unit::float32:
      return start<float>(queue, peak_kernel<float>, rounds);
    case Unit::ring64:
      return start<Ring>(queue, peak_kernel<Ring>, rounds);
    case Unit::tf32:
      return start_tensor<Tf32Arithmetic>(queue, rounds);
    case Unit::bf16:
      return start_tensor<Bf16Arithmetic>(queue, rounds);
    case Unit::ring64_bytes:
      return start_tensor<LimbArithmetic>(queue, rounds);
  }
}

double arithmetic_peak_macs(Unit unit, int rounds) {
  switch (unit) {
    case Unit::tf32:
      return tensor_macs<Tf32Arithmetic>(rounds);
    case Unit::bf16:
      return tensor_macs<Bf16Arithmetic>(rounds);
    case Unit::ring64_bytes:
      return tensor_macs<LimbArithmetic>(rounds) / 36;
    default:
      return double(kBlocks) * kThreads * kChains * rounds;
  }
}

}  // namespace hush::cuda
