// Softmax cross entropy with label smoothing, and distillation. Rows are few and short beside a
// network's layers; each is summed in double.
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

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

// log softmax(row / temperature).
std::vector<double> log_softmax(std::span<const float> row, double temperature) {
  std::vector<double> result(row.begin(), row.end());
  const double largest = *std::ranges::max_element(result);
  double sum = 0;
  for (double& x : result) {
    x = (x - largest) / temperature;
    sum += std::exp(x);
  }
  for (double& x : result) x -= std::log(sum);
  return result;
}

// Writes the gradient of one row, `share` of the loss, and returns its divergence.
double distill_row(std::span<const float> student, std::span<const float> teacher,
                   double temperature, double share, std::span<float> gradient) {
  const auto log_p = log_softmax(student, temperature), log_q = log_softmax(teacher, temperature);
  double divergence = 0;
  for (std::size_t c = 0; c < gradient.size(); ++c) {
    const double q = std::exp(log_q[c]);
    if (q > 0) divergence += q * (log_q[c] - log_p[c]);
    gradient[c] = float(share / temperature * (std::exp(log_p[c]) - q));
  }
  return divergence;
}

}  // namespace

void CpuBackend::distillation(float temperature, float weight, const Tensor& student,
                              const Tensor& teacher, const Tensor& gradient, const Tensor& loss) {
  constexpr std::string_view kernel = "distillation";
  check_rank(kernel, "student", student, 2);
  const Shape& shape = student.shape();
  check_float(kernel, "student", student, shape);
  check_float(kernel, "teacher", teacher, shape);
  check_float(kernel, "gradient", gradient, shape);
  check_float(kernel, "loss", loss, {});
  require(shape.elements() > 0, "{}: logits {} are empty", kernel, shape.text());
  const auto rows = std::size_t(shape[0]), classes = std::size_t(shape[1]);
  const double share = double(weight) / double(rows);
  std::vector<double> divergences(rows);
  parallel_for(rows, kGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t first = i * classes;
      divergences[i] =
          distill_row(student.values<float>().subspan(first, classes),
                      teacher.values<float>().subspan(first, classes), double(temperature), share,
                      gradient.values<float>().subspan(first, classes));
    }
  });
  double total = 0;
  for (const double one : divergences) total += one;
  *loss.data<float>() = float(share * total);
}

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
