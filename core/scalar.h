// Scalar functions of the elementwise kernels, written once for every device.
//
// Polynomial ones are templates for float and ring. The rest are branch-free float code, so that
// a compiler can vectorise a loop over them; NaN stays NaN in all of them, or a training run that
// diverged would not show it. A device compiler defines HUSH_DEVICE_FUNCTION first (as
// `__host__ __device__`).
#pragma once

#include <bit>
#include <cstdint>

#ifndef HUSH_DEVICE_FUNCTION
#define HUSH_DEVICE_FUNCTION
#endif

namespace hush::scalar {

// e^x for x ≤ 0, relative error below 3e-7; below -87 it stays at e^-87, about 2e-38.
// Cody–Waite reduction to |r| ≤ ln 2 / 2, then the Taylor polynomial of degree 7.
HUSH_DEVICE_FUNCTION constexpr float exp_nonpositive(float x) {
  const float bounded = x < -87.0f ? -87.0f : x;
  constexpr float round_to_integer = 12582912.0f;  // 1.5 · 2^23: the sum has no fraction bits left
  const float shifted = bounded * 1.44269504f + round_to_integer;
  const float n = shifted - round_to_integer;
  const float r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9841270e-4f;
  p = p * r + 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // The low bits of `shifted` hold n; 2^n is made by moving it into the exponent.
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) + 127u) << 23;
  return p * std::bit_cast<float>(exponent);
}

struct Relu {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float x) const { return x < 0 ? 0 : x; }
};

struct Sigmoid {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float x) const {
    const float e = exp_nonpositive(x < 0 ? x : -x);
    return (x < 0 ? e : 1.0f) / (1.0f + e);
  }
};

struct Silu {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float x) const { return x * Sigmoid{}(x); }
};

struct Square {
  template <class T>
  HUSH_DEVICE_FUNCTION constexpr T operator()(T x) const {
    return x * x;
  }
};

struct Negate {
  template <class T>
  HUSH_DEVICE_FUNCTION constexpr T operator()(T x) const {
    return T(0) - x;
  }
};

// The gradient of x given that of y = f(x), from whichever of x and y the function needs
// (`argument` below): y for relu and sigmoid, x for silu and square, neither for negate.
struct ReluBackward {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float y, float dy) const {
    return y <= 0 ? 0 : dy;
  }
};

struct SigmoidBackward {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float y, float dy) const {
    return dy * y * (1.0f - y);
  }
};

struct SiluBackward {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float x, float dy) const {
    const float s = Sigmoid{}(x);
    return dy * s * (1.0f + x * (1.0f - s));
  }
};

struct SquareBackward {
  HUSH_DEVICE_FUNCTION constexpr float operator()(float x, float dy) const { return 2.0f * x * dy; }
};

struct Sum {
  template <class T>
  HUSH_DEVICE_FUNCTION constexpr T operator()(T a, T b) const {
    return a + b;
  }
};

struct Difference {
  template <class T>
  HUSH_DEVICE_FUNCTION constexpr T operator()(T a, T b) const {
    return a - b;
  }
};

struct Product {
  template <class T>
  HUSH_DEVICE_FUNCTION constexpr T operator()(T a, T b) const {
    return a * b;
  }
};

}  // namespace hush::scalar
