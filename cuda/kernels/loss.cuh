// Softmax cross entropy with label smoothing, and distillation; sums in double, as on the CPU.
#pragma once

#include "cuda/kernels/collectives.cuh"
#include "cuda/kernels/divisor.cuh"
#include "cuda/kernels/elements.cuh"

namespace hush::cuda {

constexpr int kSoftmaxThreads = 128;

struct SoftmaxArguments {
  const float* logits;
  const std::int32_t* labels;
  float* probabilities;
  double* losses;             // one per row
  std::int32_t* wrong_label;  // set to 1 + a row whose label is no class
  int rows, classes;
  float smoothing;
};

// A warp handles one row: probabilities, and its cross entropy. No shared memory.
__global__ inline void __launch_bounds__(kSoftmaxThreads) softmax_rows_kernel(SoftmaxArguments t) {
  const int lane = int(threadIdx.x) % kWarp;
  const int row = int(blockIdx.x) * (kSoftmaxThreads / kWarp) + int(threadIdx.x) / kWarp;
  const bool present = row < t.rows;  // the last block may have more warps than rows
  const std::int64_t start = std::int64_t{present ? row : 0} * t.classes;
  const float* logits = t.logits + start;
  float largest = logits[0];
  for (int c = lane; c < t.classes; c += kWarp) largest = logits[c] > largest ? logits[c] : largest;
  largest = warp_max(largest);
  double sum = 0, shifted_sum = 0;
  for (int c = lane; c < t.classes; c += kWarp) {
    const float shifted = logits[c] - largest;
    shifted_sum += double(shifted);
    sum += double(expf(shifted));
  }
  sum = warp_sum(sum);
  shifted_sum = warp_sum(shifted_sum);
  if (!present) return;
  for (int c = lane; c < t.classes; c += kWarp)
    t.probabilities[start + c] = float(double(expf(logits[c] - largest)) / sum);
  if (lane != 0) return;
  const std::int32_t label = t.labels[row];
  const bool known = label >= 0 && label < t.classes;
  if (!known) *t.wrong_label = row + 1;
  const double log_sum = log(sum);
  const double log_of_label = double(logits[known ? label : 0] - largest) - log_sum;
  const double mean_log = shifted_sum / t.classes - log_sum;
  t.losses[row] = -((1 - double(t.smoothing)) * log_of_label + double(t.smoothing) * mean_log);
}

// One block adds all rows' losses. Shared memory: that of block_sum.
__global__ inline void __launch_bounds__(kSoftmaxThreads)
    mean_kernel(const double* losses, float* mean, int rows) {
  double sum = 0;
  for (int row = int(threadIdx.x); row < rows; row += kSoftmaxThreads) sum += losses[row];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *mean = float(sum / rows);
}

// `rows_kernel` gives each row a warp and leaves its loss.
template <class Arguments>
void mean_over_rows(const Queue& queue, void (*rows_kernel)(Arguments), Arguments t, float* loss) {
  const Scratch<double> losses(queue, std::size_t(t.rows));
  t.losses = losses.data();
  launch(queue, rows_kernel, dim3(unsigned(ceil_div(t.rows, kSoftmaxThreads / kWarp))),
         dim3(kSoftmaxThreads), t);
  launch(queue, mean_kernel, dim3(1), dim3(kSoftmaxThreads), losses.data(), loss, t.rows);
}

inline void softmax_cross_entropy(const Queue& queue, const SoftmaxArguments& t, float* loss) {
  mean_over_rows(queue, softmax_rows_kernel, t, loss);
}

struct DistillationArguments {
  const float *student, *teacher;
  float* gradient;
  double* losses;  // one per row
  int rows, classes;
  double inverse_temperature, weight;
};

// log softmax(row / T) is x / T less this. Every lane of the warp must come.
__device__ inline double log_sum_exp(const float* row, int classes, double inverse_temperature) {
  const int lane = int(threadIdx.x) % kWarp;
  float largest = row[0];
  for (int c = lane; c < classes; c += kWarp) largest = row[c] > largest ? row[c] : largest;
  largest = warp_max(largest);
  double sum = 0;
  for (int c = lane; c < classes; c += kWarp)
    sum += exp((double(row[c]) - double(largest)) * inverse_temperature);
  return double(largest) * inverse_temperature + log(warp_sum(sum));
}

// A warp handles one row: its gradient, and its part of the loss. No shared memory.
__global__ inline void __launch_bounds__(kSoftmaxThreads)
    distillation_rows_kernel(DistillationArguments t) {
  const int lane = int(threadIdx.x) % kWarp;
  const int row = int(blockIdx.x) * (kSoftmaxThreads / kWarp) + int(threadIdx.x) / kWarp;
  const bool present = row < t.rows;  // the last block may have more warps than rows
  const std::int64_t start = std::int64_t{present ? row : 0} * t.classes;
  const float *student = t.student + start, *teacher = t.teacher + start;
  const double offset_p = log_sum_exp(student, t.classes, t.inverse_temperature);
  const double offset_q = log_sum_exp(teacher, t.classes, t.inverse_temperature);
  const double scale = t.weight * t.inverse_temperature / t.rows;
  double divergence = 0;
  for (int c = lane; c < t.classes && present; c += kWarp) {
    const double log_p = double(student[c]) * t.inverse_temperature - offset_p;
    const double log_q = double(teacher[c]) * t.inverse_temperature - offset_q, q = exp(log_q);
    if (q > 0) divergence += q * (log_q - log_p);
    t.gradient[start + c] = float(scale * (exp(log_p) - q));
  }
  divergence = warp_sum(divergence);
  if (present && lane == 0) t.losses[row] = t.weight * divergence;
}

inline void distillation(const Queue& queue, const DistillationArguments& t, float* loss) {
  mean_over_rows(queue, distillation_rows_kernel, t, loss);
}

// d_logits = d_loss (p - target) / rows. Elements below 2^31.
struct SoftmaxGradientBody {
  using Loaded = float;
  const float *probabilities, *d_loss;
  const std::int32_t* labels;
  float* d_logits;
  Divisor classes;
  float smoothing, rows;

  __device__ float load(std::int64_t i) const {
    const int row = classes.quotient(int(i));
    const bool is_label = labels[row] == int(i) - row * int(classes.divisor);
    const float target = smoothing / float(classes.divisor) + (is_label ? 1 - smoothing : 0.0f);
    return *d_loss / rows * (probabilities[i] - target);
  }
  __device__ void store(std::int64_t i, float value) const { d_logits[i] = value; }
};

}  // namespace hush::cuda
