#include "tests/bench/peak.h"

#include <ctime>

#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/cpu/product_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

// s = a s + b: no compiler can take the product out of the loop, and enough of them are independent
// to keep every unit busy whatever its latency. The result is stored so that it is needed.
template <class T>
double operations_per_second(T a_value, T b_value) {
  constexpr std::size_t sums = 12;
  constexpr long steps = 400000;
  const hn::ScalableTag<T> d;
  const Vector<T> a = hn::Set(d, a_value), b = hn::Set(d, b_value);
  HWY_ALIGN T result[kLanes<T>] = {};
  [[maybe_unused]] volatile T needed;
  double best = 0;
  for (int repeat = 0; repeat < 9; ++repeat) {
    Vector<T> sum[sums];
    HWY_UNROLL(12) for (std::size_t i = 0; i < sums; ++i) sum[i] = hn::Set(d, T(i));
    const double begin = bench::thread_seconds();
    for (long step = 0; step < steps; ++step) {
      HWY_UNROLL(12) for (std::size_t i = 0; i < sums; ++i) {
        sum[i] = multiply_add(sum[i], a, b);
      }
    }
    for (const Vector<T>& s : sum) hn::Store(hn::Add(s, hn::Load(d, result)), d, result);
    needed = result[0];
    const double seconds = bench::thread_seconds() - begin;
    best = std::max(best, 2.0 * double(steps) * double(sums * kLanes<T>) / seconds);
  }
  return best;
}

double float_operations() {
  return operations_per_second<float>(0.999f, 0.001f);
}
double ring_operations() {
  return operations_per_second<Ring>(Ring{0x9e3779b97f4a7c15}, Ring{5});
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush::bench {

HWY_EXPORT(float_operations);
HWY_EXPORT(ring_operations);

double float_peak() {
  return HWY_DYNAMIC_DISPATCH(float_operations)() * 1e-9;
}
double ring_peak() {
  return HWY_DYNAMIC_DISPATCH(ring_operations)() * 1e-9;
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

}  // namespace hush::bench
#endif
