// Reductions and batch normalisation of the CUDA backend.
#include <vector>

#include "cuda/arguments.h"
#include "cuda/backend.h"
#include "cuda/kernels/batch_norm.cuh"
#include "cuda/kernels/columns.cuh"
#include "cuda/kernels/squares.cuh"

namespace hush::cuda {
namespace {

struct RowShape {
  int channels;
  std::int64_t rows;
};

// The tensors of both forward kernels, checked.
RowShape check_forward(const Arguments& check, const BatchNormForward& t) {
  const std::int64_t channels = check.channels("x", t.x);
  check.floats("x", t.x, t.x.shape()).floats("y", t.y, t.x.shape());
  check.optional("residual", t.residual, t.x.shape(), DType::float32);
  check.floats("gamma", t.gamma, {channels}).floats("beta", t.beta, {channels});
  check.floats("running_mean", t.running_mean, {channels});
  check.floats("running_var", t.running_var, {channels});
  check.extent("the number of elements", t.x.elements());
  return {int(channels), channels == 0 ? 0 : t.x.elements() / channels};
}

const float* data_or_null(const Tensor& t) {
  return t.defined() ? t.device_data<float>() : nullptr;
}

// The tensors of the backward kernels, checked.
RowShape check_backward(const Arguments& check, const BatchNormOptions& options,
                        const BatchNormBackward& t) {
  const int channels = int(check.channels("x", t.x));
  for (const Tensor* tensor : {&t.x, &t.dy, &t.dx})
    check.floats("x, dy or dx", *tensor, t.x.shape());
  for (const Tensor* tensor : {&t.gamma, &t.mean, &t.inverse_deviation, &t.d_gamma, &t.d_beta})
    check.floats("a per-channel tensor", *tensor, {channels});
  if (options.relu) check.floats("y", t.y, t.x.shape());
  check.optional("d_residual", t.d_residual, t.x.shape(), DType::float32);
  const int elements = check.extent("the number of elements", t.x.elements());
  return {channels, channels == 0 ? 0 : elements / channels};
}

const float* mask_of(const BatchNormOptions& options, const BatchNormBackward& t) {
  return options.relu ? t.y.device_data<float>() : nullptr;
}

void sum_gradients(const Queue& queue, const RowShape& shape, const BatchNormOptions& options,
                   const BatchNormBackward& t) {
  reduce_columns(
      queue, shape.rows, shape.channels, 1,
      GradientSumsBody{t.x.device_data<float>(), mask_of(options, t), t.dy.device_data<float>(),
                       t.mean.device_data<float>(), t.inverse_deviation.device_data<float>(),
                       t.d_gamma.device_data<float>(), t.d_beta.device_data<float>()});
}

// From sums over 1 / inverse_rows rows.
void write_input_gradient(const Queue& queue, const RowShape& shape,
                          const BatchNormOptions& options, const BatchNormBackward& t,
                          float inverse_rows) {
  for_each_element(
      queue, t.x.elements(),
      InputGradientBody{t.x.device_data<float>(), mask_of(options, t), t.dy.device_data<float>(),
                        t.mean.device_data<float>(), t.inverse_deviation.device_data<float>(),
                        t.gamma.device_data<float>(), t.d_gamma.device_data<float>(),
                        t.d_beta.device_data<float>(), t.dx.device_data<float>(),
                        t.d_residual.defined() ? t.d_residual.device_data<float>() : nullptr,
                        Divisor(shape.channels), inverse_rows});
}

}  // namespace

void CudaBackend::column_sum(const Tensor& x, const Tensor& y) {
  const Arguments check("column_sum", device_);
  const std::int64_t channels = check.channels("x", x);
  check.tensor("y", y, {channels}, x.dtype());
  if (channels == 0) return;
  with_arithmetic_type(x.dtype(), "column_sum", [&](auto zero) {
    using T = decltype(zero);
    cuda::column_sum(queue(), x.device_data<T>(), y.device_data<T>(), x.elements() / channels,
                     int(channels));
  });
}

double CudaBackend::sum_of_squares(std::span<const Tensor> tensors) {
  const Arguments check("sum_of_squares", device_);
  for (const Tensor& x : tensors) check.floats("x", x, x.shape());
  const std::size_t count = tensors.size() * kSquaresBlocks;
  const Scratch<double> partial(queue(), count);
  for (std::size_t t = 0; t < tensors.size(); ++t)
    square_sums(queue(), tensors[t].device_data<float>(), tensors[t].elements(),
                partial.data() + t * kSquaresBlocks);
  std::vector<double> sums(count);
  runtime::copy(sums.data(), partial.data(), count * sizeof(double), CopyDirection::to_host,
                stream_);
  synchronize();
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void CudaBackend::batch_norm_train(const BatchNormOptions& options, const BatchNormForward& t) {
  const Arguments check("batch_norm_train", device_);
  const auto [channels, rows] = check_forward(check, t);
  check.floats("mean", t.mean, {channels});
  check.floats("inverse_deviation", t.inverse_deviation, {channels});
  require(rows > 1, "batch_norm_train: x {} has {} value per channel, a variance needs two",
          t.x.shape().text(), rows);
  const float* x = t.x.device_data<float>();
  float *mean = t.mean.device_data<float>(), *inverse = t.inverse_deviation.device_data<float>();
  reduce_columns(queue(), rows, channels, 1,
                 BatchStatisticsBody{{x},
                                     mean,
                                     inverse,
                                     t.running_mean.device_data<float>(),
                                     t.running_var.device_data<float>(),
                                     options.epsilon,
                                     options.momentum});
  for_each_element(
      queue(), t.x.elements(),
      NormalizeBody{x, data_or_null(t.residual), mean, inverse, t.gamma.device_data<float>(),
                    t.beta.device_data<float>(), t.y.device_data<float>(), Divisor(channels), 0,
                    false, options.relu});
}

void CudaBackend::batch_norm_infer(const BatchNormOptions& options, const BatchNormForward& t) {
  const Arguments check("batch_norm_infer", device_);
  const auto [channels, rows] = check_forward(check, t);
  if (rows == 0) return;
  for_each_element(queue(), t.x.elements(),
                   NormalizeBody{t.x.device_data<float>(), data_or_null(t.residual),
                                 t.running_mean.device_data<float>(),
                                 t.running_var.device_data<float>(), t.gamma.device_data<float>(),
                                 t.beta.device_data<float>(), t.y.device_data<float>(),
                                 Divisor(channels), options.epsilon, true, options.relu});
}

void CudaBackend::batch_norm_backward(const BatchNormOptions& options, const BatchNormBackward& t) {
  const RowShape shape = check_backward({"batch_norm_backward", device_}, options, t);
  if (shape.channels == 0) return;
  sum_gradients(queue(), shape, options, t);
  write_input_gradient(queue(), shape, options, t, 1.0f / float(shape.rows));
}

void CudaBackend::batch_norm_gradient_sums(const BatchNormOptions& options,
                                           const BatchNormBackward& t) {
  const RowShape shape = check_backward({"batch_norm_gradient_sums", device_}, options, t);
  if (shape.channels > 0) sum_gradients(queue(), shape, options, t);
}

void CudaBackend::batch_norm_input_gradient(const BatchNormOptions& options,
                                            const BatchNormBackward& t, double count) {
  const RowShape shape = check_backward({"batch_norm_input_gradient", device_}, options, t);
  require(count > 0, "batch_norm_input_gradient: statistics of {} values", count);
  if (shape.channels > 0) write_input_gradient(queue(), shape, options, t, float(1 / count));
}

void CudaBackend::channel_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const Arguments check("channel_statistics", device_);
  const std::int64_t channels = check.channels("x", x);
  check.floats("x", x, x.shape()).floats("mean", mean, {channels});
  check.floats("variance", variance, {channels});
  require(x.elements() > 0, "channel_statistics: x {} has no element", x.shape().text());
  reduce_columns(
      queue(), x.elements() / channels, int(channels), 1,
      ChannelStatisticsBody{
          {x.device_data<float>()}, mean.device_data<float>(), variance.device_data<float>()});
}

void CudaBackend::inverse_deviation(float epsilon, const Tensor& variance, const Tensor& y) {
  const Arguments check("inverse_deviation", device_);
  const Shape shape{check.channels("variance", variance)};
  check.floats("variance", variance, shape).floats("y", y, shape);
  for_each_element(
      queue(), y.elements(),
      InverseDeviationBody{variance.device_data<float>(), y.device_data<float>(), epsilon});
}

}  // namespace hush::cuda
