#include "mpc/online/quadratic_kernels.h"

#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mpc/online/quadratic_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "mpc/online/truncation.h"

HWY_BEFORE_NAMESPACE();
namespace hush::mpc {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// a · b mod 2^64.
template <class D, class V>
HWY_INLINE V multiply(D d, V a, V b) {
#if HWY_TARGET == HWY_AVX3
  (void)d;
  return hn::Mul(a, b);
#elif HWY_TARGET == HWY_SCALAR
  return hn::Set(d, hn::GetLane(a) * hn::GetLane(b));
#else
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::Set(d, hn::GetLane(a) * hn::GetLane(b));
  } else {
    // The product of the high halves leaves the ring.
    const hn::Repartition<std::uint32_t, D> half;
    const auto a32 = hn::BitCast(half, a), b32 = hn::BitCast(half, b);
    const auto a_high = hn::BitCast(half, hn::ShiftRight<32>(a));
    const auto b_high = hn::BitCast(half, hn::ShiftRight<32>(b));
    const auto cross = hn::Add(hn::MulEven(a_high, b32), hn::MulEven(a32, b_high));
    return hn::Add(hn::MulEven(a32, b32), hn::ShiftLeft<32>(cross));
  }
#endif
}

// Elements i … i + lanes - 1; the names are those of truncation.h. Where s is 0 so is `wrap`;
// elsewhere it is a power of two, and products with it are shifts.
template <class D>
HWY_INLINE void finish_at(D d, const QuadraticRun& run, std::size_t i) {
  const int drop = int(run.shift), wrap_bits = 64 - drop;
  const auto one = hn::Set(d, run.first ? ~Ring{0} : 0);  // of what party 0 alone adds
  const auto opened = hn::Add(hn::LoadU(d, run.mine + i), hn::LoadU(d, run.theirs + i));
  const auto e =
      hn::Sub(hn::ShiftRightSame(opened, drop), hn::Set(d, kTruncationOffset >> run.shift));
  // All ones where the highest bit of x̂ is 0.
  const auto s = hn::Sub(hn::ShiftRight<63>(opened), hn::Set(d, Ring{1}));
  const auto times_wrap = [&](auto v)
                              HWY_ATTR { return hn::And(s, hn::ShiftLeftSame(v, wrap_bits)); };
  const auto wrapped_sign = times_wrap(hn::LoadU(d, run.r_sign + i));
  const auto cross = hn::LoadU(d, run.cross + i);
  const auto a = hn::Sub(hn::LoadU(d, run.r_high + i), wrapped_sign);
  const auto a_squared = hn::Add(hn::LoadU(d, run.square + i),
                                 times_wrap(hn::Sub(wrapped_sign, hn::Add(cross, cross))));
  const auto x = hn::Sub(hn::And(one, e), a);
  const auto x_squared = hn::Add(multiply(d, e, hn::Sub(x, a)), a_squared);
  const auto sum = hn::Add(multiply(d, hn::LoadU(d, run.c2 + i), x_squared),
                           multiply(d, hn::LoadU(d, run.c1 + i), x));
  hn::StoreU(hn::Add(sum, hn::And(one, hn::LoadU(d, run.c0 + i))), d, run.y + i);
}

void finish_quadratic_run(const QuadraticRun& run) {
  const hn::ScalableTag<Ring> vector;
  const hn::CappedTag<Ring, 1> single;
  std::size_t i = 0;
  for (; i + hn::Lanes(vector) <= run.count; i += hn::Lanes(vector)) finish_at(vector, run, i);
  for (; i < run.count; ++i) finish_at(single, run, i);
}

}  // namespace HWY_NAMESPACE
}  // namespace hush::mpc
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush::mpc {

HWY_EXPORT(finish_quadratic_run);

void finish_quadratic(const QuadraticRun& run) {
  HWY_DYNAMIC_DISPATCH(finish_quadratic_run)(run);
}

}  // namespace hush::mpc
#endif
