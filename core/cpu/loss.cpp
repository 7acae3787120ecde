// Softmax cross entropy with label smoothing. Rows are few and short beside a network's layers;
// each is summed in double.
#include <algorithm>
#include <cmath>

#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/thread_pool.h"

namespace hush {
namespace {

constexpr std::size_t kGrain = 16;  // rows a chunk

struct Rows {
  std::size_t count, classes;
};

Rows check_rows(std::string_view kernel, const Tensor& scores, const Tensor& labels) {
  check_rank(kernel, "logits", scores, 2);
  check_float(kernel, "logits", scores, scores.shape());
  check_tensor(kernel, "labels", labels, {scores.shape()[0]}, DType::int32);
  require(scores.elements() > 0, "{}: logits {} are empty", kernel, scores.shape().text());
  return {std::size_t(scores.shape()[0]), std::size_t(scores.shape()[1])};
}

// Writes the probabilities of one row, and returns its smoothed cross entropy.
double softmax_row(const float* logits, std::size_t classes, std::size_t label, double smoothing,
                   float* probabilities) {
  const float largest = *std::max_element(logits, logits + classes);
  double sum = 0, shifted_sum = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    const float shifted = logits[c] - largest;
    shifted_sum += double(shifted);
    probabilities[c] = std::exp(shifted);
    sum += double(probabilities[c]);
  }
  const double log_sum = std::log(sum);
  const double log_of_label = double(logits[label] - largest) - log_sum;
  const double mean_log = shifted_sum / double(classes) - log_sum;
  for (std::size_t c = 0; c < classes; ++c)
    probabilities[c] = float(double(probabilities[c]) / sum);
  return -((1 - smoothing) * log_of_label + smoothing * mean_log);
}

}  // namespace

void CpuBackend::softmax_cross_entropy(const Tensor& logits, const Tensor& labels, float smoothing,
                                       const Tensor& probabilities, const Tensor& loss) {
  constexpr std::string_view kernel = "softmax_cross_entropy";
  const Rows rows = check_rows(kernel, logits, labels);
  check_float(kernel, "probabilities", probabilities, logits.shape());
  check_float(kernel, "loss", loss, {});
  const float* in = logits.data<float>();
  const std::int32_t* label = labels.data<std::int32_t>();
  float* out = probabilities.data<float>();
  std::vector<double> losses(rows.count);
  parallel_for(rows.count, kGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      require(label[i] >= 0 && std::size_t(label[i]) < rows.classes,
              "{}: label {} of row {} is not one of {} classes", kernel, label[i], i, rows.classes);
      losses[i] = softmax_row(in + i * rows.classes, rows.classes, std::size_t(label[i]),
                              double(smoothing), out + i * rows.classes);
    }
  });
  double total = 0;
  for (const double one : losses) total += one;
  *loss.data<float>() = float(total / double(rows.count));
}

void CpuBackend::softmax_cross_entropy_backward(const Tensor& probabilities, const Tensor& labels,
                                                float smoothing, const Tensor& d_loss,
                                                const Tensor& d_logits) {
  constexpr std::string_view kernel = "softmax_cross_entropy_backward";
  const Rows rows = check_rows(kernel, probabilities, labels);
  check_float(kernel, "d_loss", d_loss, {});
  check_float(kernel, "d_logits", d_logits, probabilities.shape());
  const float* in = probabilities.data<float>();
  const std::int32_t* label = labels.data<std::int32_t>();
  float* out = d_logits.data<float>();
  const float factor = *d_loss.data<float>() / float(rows.count);
  const float uniform = smoothing / float(rows.classes);
  parallel_for(rows.count, kGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      require(label[i] >= 0 && std::size_t(label[i]) < rows.classes,
              "{}: label {} of row {} is not one of {} classes", kernel, label[i], i, rows.classes);
      const float* p = in + i * rows.classes;
      float* d = out + i * rows.classes;
      for (std::size_t c = 0; c < rows.classes; ++c) d[c] = factor * (p[c] - uniform);
      d[label[i]] -= factor * (1 - smoothing);
    }
  });
}

}  // namespace hush
