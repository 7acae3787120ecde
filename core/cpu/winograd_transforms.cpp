#include "core/cpu/winograd_transforms.h"

#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/winograd_transforms.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::Vec<hn::ScalableTag<float>>;
using Rings = hn::Vec<hn::ScalableTag<Ring>>;

HWY_INLINE Floats constant(float value) {
  return hn::Set(hn::ScalableTag<float>(), value);
}

// The points are 0, ±p, ±q, ∞.
constexpr float kP = 0.75f, kQ = 1.5f, kP2 = kP * kP, kQ2 = kQ * kQ;
// G's rows carry 1 / Π (point - other points).
constexpr float kScale0 = 1 / (kP2 * kQ2);
constexpr float kScaleP = 1 / (2 * kP2 * (kP2 - kQ2)), kScaleQ = 1 / (2 * kQ2 * (kQ2 - kP2));

// Each map is a struct with its extents and a function on one line of vectors.
struct InputMap {  // Bᵀ
  static constexpr std::size_t kIn = 6, kOut = 6;
  static HWY_INLINE void apply(const Floats* d, Floats* v) {
    const Floats p = constant(kP), q = constant(kQ), p2 = constant(kP2), q2 = constant(kQ2);
    const Floats sum = constant(kP2 + kQ2), product = constant(kP2 * kQ2);
    v[0] = hn::MulAdd(product, d[0], hn::NegMulAdd(sum, d[2], d[4]));
    v[5] = hn::MulAdd(product, d[1], hn::NegMulAdd(sum, d[3], d[5]));
    const Floats p_even = hn::NegMulAdd(q2, d[2], d[4]), p_odd = hn::NegMulAdd(q2, d[1], d[3]);
    v[1] = hn::MulAdd(p, p_odd, p_even);
    v[2] = hn::NegMulAdd(p, p_odd, p_even);
    const Floats q_even = hn::NegMulAdd(p2, d[2], d[4]), q_odd = hn::NegMulAdd(p2, d[1], d[3]);
    v[3] = hn::MulAdd(q, q_odd, q_even);
    v[4] = hn::NegMulAdd(q, q_odd, q_even);
  }
};

struct WeightMap {  // G
  static constexpr std::size_t kIn = 3, kOut = 6;
  static HWY_INLINE void apply(const Floats* g, Floats* u) {
    u[0] = hn::Mul(constant(kScale0), g[0]);
    u[5] = g[2];
    const Floats p_even =
        hn::MulAdd(constant(kScaleP * kP2), g[2], hn::Mul(constant(kScaleP), g[0]));
    const Floats p_odd = hn::Mul(constant(kScaleP * kP), g[1]);
    u[1] = hn::Add(p_even, p_odd);
    u[2] = hn::Sub(p_even, p_odd);
    const Floats q_even =
        hn::MulAdd(constant(kScaleQ * kQ2), g[2], hn::Mul(constant(kScaleQ), g[0]));
    const Floats q_odd = hn::Mul(constant(kScaleQ * kQ), g[1]);
    u[3] = hn::Add(q_even, q_odd);
    u[4] = hn::Sub(q_even, q_odd);
  }
};

struct OutputMap {  // Aᵀ
  static constexpr std::size_t kIn = 6, kOut = 4;
  static HWY_INLINE void apply(const Floats* m, Floats* y) {
    const Floats p_sum = hn::Add(m[1], m[2]), p_difference = hn::Sub(m[1], m[2]);
    const Floats q_sum = hn::Add(m[3], m[4]), q_difference = hn::Sub(m[3], m[4]);
    y[0] = hn::Add(m[0], hn::Add(p_sum, q_sum));
    y[1] = hn::MulAdd(constant(kP), p_difference, hn::Mul(constant(kQ), q_difference));
    y[2] = hn::MulAdd(constant(kP2), p_sum, hn::Mul(constant(kQ2), q_sum));
    y[3] = hn::MulAdd(constant(kP2 * kP), p_difference,
                      hn::MulAdd(constant(kQ2 * kQ), q_difference, m[5]));
  }
};

struct OutputGradientMap {  // A
  static constexpr std::size_t kIn = 4, kOut = 6;
  static HWY_INLINE void apply(const Floats* d, Floats* v) {
    v[0] = d[0];
    v[5] = d[3];
    const Floats p_even = hn::MulAdd(constant(kP2), d[2], d[0]);
    const Floats p_odd = hn::MulAdd(constant(kP2 * kP), d[3], hn::Mul(constant(kP), d[1]));
    v[1] = hn::Add(p_even, p_odd);
    v[2] = hn::Sub(p_even, p_odd);
    const Floats q_even = hn::MulAdd(constant(kQ2), d[2], d[0]);
    const Floats q_odd = hn::MulAdd(constant(kQ2 * kQ), d[3], hn::Mul(constant(kQ), d[1]));
    v[3] = hn::Add(q_even, q_odd);
    v[4] = hn::Sub(q_even, q_odd);
  }
};

struct WeightGradientMap {  // Gᵀ
  static constexpr std::size_t kIn = 6, kOut = 3;
  static HWY_INLINE void apply(const Floats* m, Floats* g) {
    const Floats p_sum = hn::Add(m[1], m[2]), p_difference = hn::Sub(m[1], m[2]);
    const Floats q_sum = hn::Add(m[3], m[4]), q_difference = hn::Sub(m[3], m[4]);
    g[0] = hn::MulAdd(constant(kScale0), m[0],
                      hn::MulAdd(constant(kScaleP), p_sum, hn::Mul(constant(kScaleQ), q_sum)));
    g[1] = hn::MulAdd(constant(kScaleP * kP), p_difference,
                      hn::Mul(constant(kScaleQ * kQ), q_difference));
    g[2] = hn::MulAdd(constant(kScaleP * kP2), p_sum,
                      hn::MulAdd(constant(kScaleQ * kQ2), q_sum, m[5]));
  }
};

struct RingInputMap {  // Bᵀ
  static constexpr std::size_t kIn = 4, kOut = 4;
  static HWY_INLINE void apply(const Rings* d, Rings* v) {
    v[0] = hn::Sub(d[0], d[2]);
    v[1] = hn::Add(d[1], d[2]);
    v[2] = hn::Sub(d[2], d[1]);
    v[3] = hn::Sub(d[1], d[3]);
  }
};

struct RingWeightMap {  // 2 G
  static constexpr std::size_t kIn = 3, kOut = 4;
  static HWY_INLINE void apply(const Rings* g, Rings* u) {
    const Rings even = hn::Add(g[0], g[2]);
    u[0] = hn::Add(g[0], g[0]);
    u[1] = hn::Add(even, g[1]);
    u[2] = hn::Sub(even, g[1]);
    u[3] = hn::Add(g[2], g[2]);
  }
};

struct RingOutputMap {  // Aᵀ
  static constexpr std::size_t kIn = 4, kOut = 2;
  static HWY_INLINE void apply(const Rings* m, Rings* y) {
    y[0] = hn::Add(m[0], hn::Add(m[1], m[2]));
    y[1] = hn::Sub(m[1], hn::Add(m[2], m[3]));
  }
};

// Map · X · Mapᵀ of a square tile: first down the columns, then along the rows.
// load(i) gives plane i of X at this channel, store(i, v) takes plane i of the result.
template <class Map, class V, class Load, class Store>
HWY_INLINE void map_tile(Load&& load, Store&& store) {
  V half[Map::kOut][Map::kIn];
  HWY_UNROLL(6) for (std::size_t j = 0; j < Map::kIn; ++j) {
    V column[Map::kIn], mapped[Map::kOut];
    HWY_UNROLL(6) for (std::size_t i = 0; i < Map::kIn; ++i) column[i] = load(i * Map::kIn + j);
    Map::apply(column, mapped);
    HWY_UNROLL(6) for (std::size_t i = 0; i < Map::kOut; ++i) half[i][j] = mapped[i];
  }
  HWY_UNROLL(6) for (std::size_t i = 0; i < Map::kOut; ++i) {
    V mapped[Map::kOut];
    Map::apply(half[i], mapped);
    HWY_UNROLL(6) for (std::size_t j = 0; j < Map::kOut; ++j) store(i * Map::kOut + j, mapped[j]);
  }
}

template <class Map, class T>
HWY_INLINE void scattered_to_planes(const T* const* in, std::size_t channels, T* out,
                                    std::size_t step) {
  const hn::ScalableTag<T> d;
  for (std::size_t c = 0; c < channels; c += hn::Lanes(d)) {
    map_tile<Map, hn::Vec<decltype(d)>>([&](std::size_t i)
                                            HWY_ATTR { return hn::LoadU(d, in[i] + c); },
                                        [&](std::size_t i, hn::Vec<decltype(d)> v)
                                            HWY_ATTR { hn::StoreU(v, d, out + i * step + c); });
  }
}

template <class Map, class T>
HWY_INLINE void planes_to_result(const T* in, std::size_t step, std::size_t channels,
                                 const WinogradResult<T>& result) {
  const hn::ScalableTag<T> d;
  for (std::size_t c = 0; c < channels; c += hn::Lanes(d)) {
    map_tile<Map, hn::Vec<decltype(d)>>(
        [&](std::size_t i) HWY_ATTR { return hn::LoadU(d, in + i * step + c); },
        [&](std::size_t i, hn::Vec<decltype(d)> v) HWY_ATTR {
          if (result.pixels[i] == nullptr) return;
          T* out = result.pixels[i] + c;
          if (result.bias != nullptr) v = hn::Add(v, hn::LoadU(d, result.bias + c));
          if (result.residual != nullptr)
            v = hn::Add(v, hn::LoadU(d, result.residual + (out - result.origin)));
          if constexpr (std::is_same_v<T, float>) {
            if (result.relu) v = hn::Max(v, hn::Zero(d));
          }
          hn::StoreU(v, d, out);
        });
  }
}

void input_float(const float* const* pixels, std::size_t channels, float* out, std::size_t step) {
  scattered_to_planes<InputMap>(pixels, channels, out, step);
}
void input_ring(const Ring* const* pixels, std::size_t channels, Ring* out, std::size_t step) {
  scattered_to_planes<RingInputMap>(pixels, channels, out, step);
}
void weight_float(const float* const* taps, std::size_t channels, float* out, std::size_t step) {
  scattered_to_planes<WeightMap>(taps, channels, out, step);
}
void weight_ring(const Ring* const* taps, std::size_t channels, Ring* out, std::size_t step) {
  scattered_to_planes<RingWeightMap>(taps, channels, out, step);
}
void output_float(const float* in, std::size_t step, std::size_t channels,
                  const WinogradResult<float>& result) {
  planes_to_result<OutputMap>(in, step, channels, result);
}
void output_ring(const Ring* in, std::size_t step, std::size_t channels,
                 const WinogradResult<Ring>& result) {
  planes_to_result<RingOutputMap>(in, step, channels, result);
}
void output_gradient(const float* const* pixels, std::size_t channels, float* out,
                     std::size_t step) {
  scattered_to_planes<OutputGradientMap>(pixels, channels, out, step);
}
void weight_gradient(const float* in, std::size_t step, std::size_t channels, float* const* taps) {
  planes_to_result<WeightGradientMap>(
      in, step, channels, WinogradResult<float>{taps, nullptr, nullptr, nullptr, false});
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {

HWY_EXPORT(input_float);
HWY_EXPORT(input_ring);
HWY_EXPORT(weight_float);
HWY_EXPORT(weight_ring);
HWY_EXPORT(output_float);
HWY_EXPORT(output_ring);
HWY_EXPORT(output_gradient);
HWY_EXPORT(weight_gradient);

template <>
void winograd_input(const float* const* pixels, std::size_t channels, float* out,
                    std::size_t step) {
  HWY_DYNAMIC_DISPATCH(input_float)(pixels, channels, out, step);
}
template <>
void winograd_input(const Ring* const* pixels, std::size_t channels, Ring* out, std::size_t step) {
  HWY_DYNAMIC_DISPATCH(input_ring)(pixels, channels, out, step);
}
template <>
void winograd_weight(const float* const* taps, std::size_t channels, float* out, std::size_t step) {
  HWY_DYNAMIC_DISPATCH(weight_float)(taps, channels, out, step);
}
template <>
void winograd_weight(const Ring* const* taps, std::size_t channels, Ring* out, std::size_t step) {
  HWY_DYNAMIC_DISPATCH(weight_ring)(taps, channels, out, step);
}
template <>
void winograd_output(const float* in, std::size_t step, std::size_t channels,
                     const WinogradResult<float>& result) {
  HWY_DYNAMIC_DISPATCH(output_float)(in, step, channels, result);
}
template <>
void winograd_output(const Ring* in, std::size_t step, std::size_t channels,
                     const WinogradResult<Ring>& result) {
  HWY_DYNAMIC_DISPATCH(output_ring)(in, step, channels, result);
}
void winograd_output_gradient(const float* const* pixels, std::size_t channels, float* out,
                              std::size_t step) {
  HWY_DYNAMIC_DISPATCH(output_gradient)(pixels, channels, out, step);
}
void winograd_weight_gradient(const float* in, std::size_t step, std::size_t channels,
                              float* const* taps) {
  HWY_DYNAMIC_DISPATCH(weight_gradient)(in, step, channels, taps);
}

}  // namespace hush
#endif
