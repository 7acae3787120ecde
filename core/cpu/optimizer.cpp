// Optimizer steps over all parameters in one parallel loop, in PyTorch's order of operations.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/optimizer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/loop.h"
#include "core/thread_pool.h"

namespace hush {

#ifndef HUSH_CORE_CPU_OPTIMIZER_COEFFICIENTS
#define HUSH_CORE_CPU_OPTIMIZER_COEFFICIENTS
namespace {

// What one Adam step needs of its options, computed once in double.
struct AdamCoefficients {
  float gradient_scale, gradient_decay, weight_factor;
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step_size, inverse_root_correction, epsilon;
};

}  // namespace
#endif

}  // namespace hush

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

// momentum may be null (no momentum).
void sgd_float(const SgdOptions& options, float* HWY_RESTRICT weight,
               const float* HWY_RESTRICT gradient, float* HWY_RESTRICT momentum, std::size_t n) {
  const float scale = options.gradient_scale, decay = options.weight_decay;
  const float rate = options.learning_rate;
  if (momentum == nullptr) {
    for (std::size_t i = 0; i < n; ++i)
      weight[i] -= rate * (gradient[i] * scale + decay * weight[i]);
    return;
  }
  // On the first step the buffer's content is undefined: select, do not multiply by zero.
  const float mu = options.momentum;
  const bool first = options.first_step, nesterov = options.nesterov;
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i] * scale + decay * weight[i];
    const float m = first ? g : mu * momentum[i] + g;
    momentum[i] = m;
    weight[i] -= rate * (nesterov ? g + mu * m : m);
  }
}

void adam_float(const AdamCoefficients& k, float* HWY_RESTRICT weight,
                const float* HWY_RESTRICT gradient, float* HWY_RESTRICT mean,
                float* HWY_RESTRICT variance, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i] * k.gradient_scale + k.gradient_decay * weight[i];
    const float m = k.beta1 * mean[i] + k.one_minus_beta1 * g;
    const float v = k.beta2 * variance[i] + k.one_minus_beta2 * g * g;
    mean[i] = m;
    variance[i] = v;
    const float deviation = std::sqrt(v) * k.inverse_root_correction + k.epsilon;
    weight[i] = weight[i] * k.weight_factor - k.step_size * m / deviation;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(sgd_float);
HWY_EXPORT(adam_float);

// A piece of one parameter: a network's many small tensors and few large ones fill threads
// evenly when cut alike.
struct Piece {
  std::size_t tensor, begin, count;
};

template <class Tensors>
std::vector<Piece> pieces_of(std::span<const Tensors> tensors) {
  constexpr std::size_t grain = 16384;
  std::vector<Piece> pieces;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const std::size_t n = std::size_t(tensors[t].weight.elements());
    for (std::size_t begin = 0; begin < n; begin += grain)
      pieces.push_back({t, begin, std::min(grain, n - begin)});
  }
  return pieces;
}

}  // namespace

void CpuBackend::sgd_step(const SgdOptions& options, std::span<const SgdTensors> tensors) {
  for (const SgdTensors& t : tensors) {
    check_float("sgd_step", "weight", t.weight, t.weight.shape());
    check_float("sgd_step", "gradient", t.gradient, t.weight.shape());
    if (options.momentum != 0) check_float("sgd_step", "momentum", t.momentum, t.weight.shape());
  }
  const std::vector<Piece> pieces = pieces_of(tensors);
  parallel_chunks(pieces.size(), [&](std::size_t i) {
    const auto& [index, begin, count] = pieces[i];
    const SgdTensors& t = tensors[index];
    float* momentum = options.momentum != 0 ? t.momentum.data<float>() + begin : nullptr;
    HWY_DYNAMIC_DISPATCH(sgd_float)
    (options, t.weight.data<float>() + begin, t.gradient.data<float>() + begin, momentum, count);
  });
}

void CpuBackend::adam_step(const AdamOptions& options, std::span<const AdamTensors> tensors) {
  for (const AdamTensors& t : tensors) {
    check_float("adam_step", "weight", t.weight, t.weight.shape());
    check_float("adam_step", "gradient", t.gradient, t.weight.shape());
    check_float("adam_step", "mean", t.mean, t.weight.shape());
    check_float("adam_step", "variance", t.variance, t.weight.shape());
  }
  require(options.step >= 1, "adam_step: step {} is counted from 1", options.step);
  const double beta1 = double(options.beta1), beta2 = double(options.beta2);
  const double rate = double(options.learning_rate), decay = double(options.weight_decay);
  const double correction1 = 1 - std::pow(beta1, double(options.step));
  const double correction2 = 1 - std::pow(beta2, double(options.step));
  const AdamCoefficients k{options.gradient_scale,
                           options.decoupled ? 0.0f : options.weight_decay,
                           options.decoupled ? float(1 - rate * decay) : 1.0f,
                           options.beta1,
                           float(1 - beta1),
                           options.beta2,
                           float(1 - beta2),
                           float(rate / correction1),
                           float(1 / std::sqrt(correction2)),
                           options.epsilon};
  const std::vector<Piece> pieces = pieces_of(tensors);
  parallel_chunks(pieces.size(), [&](std::size_t i) {
    const auto& [index, begin, count] = pieces[i];
    const AdamTensors& t = tensors[index];
    HWY_DYNAMIC_DISPATCH(adam_float)
    (k, t.weight.data<float>() + begin, t.gradient.data<float>() + begin,
     t.mean.data<float>() + begin, t.variance.data<float>() + begin, count);
  });
}

}  // namespace hush
#endif  // HWY_ONCE
