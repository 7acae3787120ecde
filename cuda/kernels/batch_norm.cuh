// Batch normalisation over the rows of [rows, channels], fused with the sum and the ReLU after it.
//
// Forward: one sweep over x for the statistics (Welford 1962; partial results are merged as in
// Chan, Golub, LeVeque 1983), one that writes y. Backward: one sweep for the two sums, one that
// writes dx. All are bound by memory.
#pragma once

#include "core/kernel_options.h"
#include "cuda/kernels/columns.cuh"
#include "cuda/kernels/divisor.cuh"
#include "cuda/kernels/elements.cuh"

namespace hush::cuda {

struct Moments {
  float count, mean, squares;  // squared distances from the mean, summed
};

struct MomentsReduction {
  using State = Moments;
  const float* x;

  __device__ void add(State& s, std::int64_t i, int, int) const {
    const float distance = x[i] - s.mean;
    s.count += 1;
    s.mean += distance / s.count;
    s.squares += distance * (x[i] - s.mean);
  }
  __device__ void merge(State& s, const State& other) const {
    if (other.count == 0) return;
    const float distance = other.mean - s.mean, count = s.count + other.count;
    const float weight = other.count / count;
    s.mean += distance * weight;
    s.squares += other.squares + distance * distance * s.count * weight;
    s.count = count;
  }
};

// Mean and biased variance, [channels] each.
struct ChannelStatisticsBody : MomentsReduction {
  float *mean, *variance;

  __device__ void finish(int c, int, const State& s) const {
    mean[c] = s.mean;
    variance[c] = s.squares / s.count;
  }
};

// What a training step needs of them, and the running ones with the unbiased variance.
struct BatchStatisticsBody : MomentsReduction {
  float *mean, *inverse_deviation, *running_mean, *running_var;
  float epsilon, momentum;

  __device__ void finish(int c, int, const State& s) const {
    mean[c] = s.mean;
    inverse_deviation[c] = 1.0f / sqrtf(s.squares / s.count + epsilon);
    running_mean[c] += momentum * (s.mean - running_mean[c]);
    running_var[c] += momentum * (s.squares / (s.count - 1) - running_var[c]);
  }
};

// y = (x - mean) scale + beta (+ residual) (then ReLU), where scale = gamma · inverse deviation.
// The deviation is given as such, or as a variance when `from_variance`. n below 2^31.
struct NormalizeBody {
  struct Loaded {
    float x, residual;
  };
  const float *x, *residual, *mean, *deviation, *gamma, *beta;
  float* y;
  Divisor channels;
  float epsilon;
  bool from_variance, relu;

  __device__ Loaded load(std::int64_t i) const {
    return {x[i], residual == nullptr ? 0.0f : residual[i]};
  }
  __device__ void store(std::int64_t i, const Loaded& v) const {
    const int c = channels.remainder(int(i));
    const float inverse = from_variance ? 1.0f / sqrtf(deviation[c] + epsilon) : deviation[c];
    const float value = (v.x - mean[c]) * (gamma[c] * inverse) + beta[c] + v.residual;
    y[i] = relu && value < 0 ? 0.0f : value;
  }
};

struct InverseDeviationBody {
  using Loaded = float;
  const float* variance;
  float* y;
  float epsilon;
  __device__ float load(std::int64_t c) const { return variance[c]; }
  __device__ void store(std::int64_t c, float value) const { y[c] = 1.0f / sqrtf(value + epsilon); }
};

struct GradientSums {
  float g, gx;  // of the gradient, and of it times (x - mean)
};

// The gradient at the sum is dy, or dy where y > 0 if there is a ReLU (y not null).
__device__ inline float masked_gradient(const float* y, const float* dy, std::int64_t i) {
  return y != nullptr && y[i] <= 0 ? 0.0f : dy[i];
}

struct GradientSumsBody {
  using State = GradientSums;
  const float *x, *y, *dy, *mean, *inverse_deviation;
  float *d_gamma, *d_beta;

  __device__ void add(State& s, std::int64_t i, int c, int) const {
    const float g = masked_gradient(y, dy, i);
    s.g += g;
    s.gx += g * (x[i] - mean[c]);
  }
  __device__ void merge(State& s, const State& other) const {
    s.g += other.g;
    s.gx += other.gx;
  }
  __device__ void finish(int c, int, const State& s) const {
    d_beta[c] = s.g;
    d_gamma[c] = s.gx * inverse_deviation[c];
  }
};

// With x̂ = (x - mean) / deviation and n rows:
//   dx = gamma / deviation · (g - d_beta / n - x̂ d_gamma / n)
struct InputGradientBody {
  struct Loaded {
    float x, g;
  };
  const float *x, *y, *dy, *mean, *inverse_deviation, *gamma, *d_gamma, *d_beta;
  float *dx, *d_residual;
  Divisor channels;
  float inverse_rows;

  __device__ Loaded load(std::int64_t i) const { return {x[i], masked_gradient(y, dy, i)}; }
  __device__ void store(std::int64_t i, const Loaded& v) const {
    const int c = channels.remainder(int(i));
    const float inverse = inverse_deviation[c], normalized = (v.x - mean[c]) * inverse;
    if (d_residual != nullptr) d_residual[i] = v.g;
    dx[i] = gamma[c] * inverse * (v.g - (d_beta[c] + normalized * d_gamma[c]) * inverse_rows);
  }
};

}  // namespace hush::cuda
