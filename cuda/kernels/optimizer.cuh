// Optimizer steps over many tensors per launch: a network has a hundred small ones, and a launch
// for each would cost more than the work. In PyTorch's order of operations.
#pragma once

#include <algorithm>
#include <span>

#include "core/kernel_options.h"
#include "cuda/launch.h"

namespace hush::cuda {

constexpr int kTensorsPerLaunch = 48;  // kernel arguments may have 4 KiB
constexpr int kOptimizerThreads = 256;

// `arrays` arrays of each tensor: the weight, its gradient, and the optimizer's state.
template <int arrays>
struct TensorList {
  struct Entry {
    float* array[arrays];
    std::int64_t count;
  };
  Entry entry[kTensorsPerLaunch];
};

struct SgdRule {
  static constexpr int kArrays = 3;
  SgdOptions options;

  __device__ void operator()(float* const* array, std::int64_t i) const {
    float& weight = array[0][i];
    const float g = array[1][i] * options.gradient_scale + options.weight_decay * weight;
    float step = g;
    if (options.momentum != 0) {  // on the first step the buffer's content is undefined
      const float m = options.first_step ? g : options.momentum * array[2][i] + g;
      array[2][i] = m;
      step = options.nesterov ? g + options.momentum * m : m;
    }
    weight -= options.learning_rate * step;
  }
};

// What one Adam step needs of its options, computed once in double.
struct AdamRule {
  static constexpr int kArrays = 4;
  float gradient_scale, gradient_decay, weight_factor;
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step_size, inverse_root_correction, epsilon;

  __device__ void operator()(float* const* array, std::int64_t i) const {
    float& weight = array[0][i];
    const float g = array[1][i] * gradient_scale + gradient_decay * weight;
    const float m = beta1 * array[2][i] + one_minus_beta1 * g;
    const float v = beta2 * array[3][i] + one_minus_beta2 * g * g;
    array[2][i] = m;
    array[3][i] = v;
    weight =
        weight * weight_factor - step_size * m / (sqrtf(v) * inverse_root_correction + epsilon);
  }
};

// Block (i, t) treats a part of tensor t, a thread elements that are a grid apart. No shared
// memory.
template <class Rule>
__global__ void __launch_bounds__(kOptimizerThreads)
    optimizer_kernel(Rule rule, TensorList<Rule::kArrays> list) {
  const auto& entry = list.entry[blockIdx.y];
  const std::int64_t step = std::int64_t{gridDim.x} * kOptimizerThreads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * kOptimizerThreads + threadIdx.x; i < entry.count;
       i += step)
    rule(entry.array, i);
}

// All tensors, in launches of up to kTensorsPerLaunch.
template <class Rule>
void optimizer_step(const Queue& queue, const Rule& rule,
                    std::span<const typename TensorList<Rule::kArrays>::Entry> entries) {
  constexpr std::int64_t most_blocks = 256;
  for (std::size_t first = 0; first < entries.size(); first += kTensorsPerLaunch) {
    TensorList<Rule::kArrays> list{};
    const std::size_t count = std::min(entries.size() - first, std::size_t{kTensorsPerLaunch});
    std::int64_t largest = 0;
    for (std::size_t t = 0; t < count; ++t) {
      list.entry[t] = entries[first + t];
      largest = std::max(largest, list.entry[t].count);
    }
    const std::int64_t blocks = std::min(ceil_div(largest, kOptimizerThreads), most_blocks);
    launch(queue, optimizer_kernel<Rule>, dim3(unsigned(blocks), unsigned(count)),
           dim3(kOptimizerThreads), rule, list);
  }
}

}  // namespace hush::cuda
