// The replaced ReLU of AutoReP: y = m relu(x) + (1 - m) (c2 x² + c1 x + c0), with a gate m per
// element of the map and coefficients per channel. Each pass reads x once.
#pragma once

#include "cuda/kernels/columns.cuh"
#include "cuda/kernels/divisor.cuh"
#include "cuda/kernels/elements.cuh"

namespace hush::cuda {

// The coefficients [3, channels] of one channel.
struct Quadratic {
  float c0, c1, c2;

  __device__ static Quadratic of(const float* coefficients, int channel, int channels) {
    return {coefficients[channel], coefficients[channels + channel],
            coefficients[2 * channels + channel]};
  }
  __device__ float value(float x) const { return (c2 * x + c1) * x + c0; }
  __device__ float slope(float x) const { return 2 * c2 * x + c1; }
};

// Elements of x below 2^31.
struct GatedBody {
  using Loaded = float;
  const float *x, *gate, *coefficients;
  float* y;
  Divisor map, channels;

  __device__ float load(std::int64_t i) const { return x[i]; }
  __device__ void store(std::int64_t i, float v) const {
    const int c = channels.remainder(int(i));
    const float m = gate[map.remainder(int(i))];
    const Quadratic q = Quadratic::of(coefficients, c, int(channels.divisor));
    y[i] = m * (v > 0 ? v : 0.0f) + (1 - m) * q.value(v);
  }
};

struct CoefficientSums {
  float of[3];
};

// dx, d_gate and d_coefficients in one sweep: element i of the map, of [pixels, channels], adds up
// the batch. dx may be dy.
struct GatedGradientBody {
  using State = CoefficientSums;
  const float *x, *gate, *coefficients, *dy;
  float *dx, *d_gate, *d_coefficients;
  int images, channels;
  std::int64_t map;

  __device__ void add(State& sums, std::int64_t i, int c, int) const {
    const float m = gate[i];
    const Quadratic q = Quadratic::of(coefficients, c, channels);
    float gate_sum = 0;
    for (int n = 0; n < images; ++n) {
      const std::int64_t at = n * map + i;
      const float v = x[at], g = dy[at], open = g * (1 - m);  // what reaches the polynomial
      gate_sum += g * ((v > 0 ? v : 0.0f) - q.value(v));
      sums.of[0] += open;
      sums.of[1] += open * v;
      sums.of[2] += open * v * v;
      dx[at] = open * q.slope(v) + (v > 0 ? g * m : 0.0f);
    }
    d_gate[i] = gate_sum;
  }
  __device__ void merge(State& sums, const State& other) const {
    for (int k = 0; k < 3; ++k) sums.of[k] += other.of[k];
  }
  __device__ void finish(int c, int, const State& sums) const {
    for (int k = 0; k < 3; ++k) d_coefficients[k * channels + c] = sums.of[k];
  }
};

}  // namespace hush::cuda
