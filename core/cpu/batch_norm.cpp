// Batch normalisation, fused with the residual sum and the ReLU that follow it.
//
// It is bound by memory, so what counts is how often a tensor is read:
//   forward   x for the statistics, then x (and the residual) to write y
//   backward  x, dy (and y for the ReLU mask) for the two sums, then the same again to write dx
// The statistics of a chunk are exact two-pass ones (mean first, then squared distances from it)
// while the chunk sits in the cache, so x is read from memory once. Chunks are merged in order, in
// double (Chan, Golub, LeVeque: "Algorithms for Computing the Sample Variance", 1983), which is
// sound however far the mean is from zero.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/batch_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "core/cpu/channels.h"
#include "core/cpu/check.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/loop.h"
#include "core/scalar.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

// Every function works on one chunk of n elements, as rows of `width` (see ChannelRows); the
// per-channel arrays are widened.

void norm_add_rows(const float* HWY_RESTRICT x, float* HWY_RESTRICT sums, std::size_t n,
                   std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const std::size_t count = std::min(width, n - row);
    for (std::size_t j = 0; j < count; ++j) sums[j] += x[row + j];
  }
}

// Adds to sums[j] and squares[j] the distances from center[j] and their squares.
void norm_add_distances(const float* HWY_RESTRICT x, const float* HWY_RESTRICT center,
                        float* HWY_RESTRICT sums, float* HWY_RESTRICT squares, std::size_t n,
                        std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const std::size_t count = std::min(width, n - row);
    for (std::size_t j = 0; j < count; ++j) {
      const float distance = x[row + j] - center[j];
      sums[j] += distance;
      squares[j] += distance * distance;
    }
  }
}

template <bool with_residual, class F>
void apply_rows(F activation, const float* x, const float* residual, const float* mean,
                const float* scale, const float* shift, float* y, std::size_t n,
                std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const std::size_t count = std::min(width, n - row);
    HUSH_INDEPENDENT_ITERATIONS
    for (std::size_t j = 0; j < count; ++j) {
      float value = (x[row + j] - mean[j]) * scale[j] + shift[j];
      if constexpr (with_residual) value += residual[row + j];
      y[row + j] = activation(value);
    }
  }
}

struct Identity {
  constexpr float operator()(float x) const { return x; }
};

// y = (x - mean) scale + shift (+ residual) (then ReLU); residual may be null.
void norm_apply(bool relu, const float* x, const float* residual, const float* mean,
                const float* scale, const float* shift, float* y, std::size_t n,
                std::size_t width) {
  if (residual == nullptr) {
    if (relu)
      apply_rows<false>(scalar::Relu{}, x, residual, mean, scale, shift, y, n, width);
    else
      apply_rows<false>(Identity{}, x, residual, mean, scale, shift, y, n, width);
  } else if (relu) {
    apply_rows<true>(scalar::Relu{}, x, residual, mean, scale, shift, y, n, width);
  } else {
    apply_rows<true>(Identity{}, x, residual, mean, scale, shift, y, n, width);
  }
}

// Sums of g and g (x - mean), where g is dy, or dy where y > 0 if y is given. Stores g to
// `masked` unless that is null.
template <bool with_y, bool store>
void gradient_sums(const float* x, const float* y, const float* dy, const float* mean,
                   float* masked, float* HWY_RESTRICT sum_g, float* HWY_RESTRICT sum_gx,
                   std::size_t n, std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const std::size_t count = std::min(width, n - row);
    HUSH_INDEPENDENT_ITERATIONS
    for (std::size_t j = 0; j < count; ++j) {
      float g = dy[row + j];
      if constexpr (with_y) g = scalar::ReluBackward{}(y[row + j], g);
      if constexpr (store) masked[row + j] = g;
      sum_g[j] += g;
      sum_gx[j] += g * (x[row + j] - mean[j]);
    }
  }
}

void norm_gradient_sums(const float* x, const float* y, const float* dy, const float* mean,
                        float* masked, float* sum_g, float* sum_gx, std::size_t n,
                        std::size_t width) {
  if (y == nullptr && masked == nullptr)
    gradient_sums<false, false>(x, y, dy, mean, masked, sum_g, sum_gx, n, width);
  else if (y == nullptr)
    gradient_sums<false, true>(x, y, dy, mean, masked, sum_g, sum_gx, n, width);
  else if (masked == nullptr)
    gradient_sums<true, false>(x, y, dy, mean, masked, sum_g, sum_gx, n, width);
  else
    gradient_sums<true, true>(x, y, dy, mean, masked, sum_g, sum_gx, n, width);
}

template <bool with_y>
void gradient_rows(const float* x, const float* y, const float* dy, const float* mean,
                   const float* scale, const float* shift, const float* slope, float* dx,
                   std::size_t n, std::size_t width) {
  for (std::size_t row = 0; row < n; row += width) {
    const std::size_t count = std::min(width, n - row);
    HUSH_INDEPENDENT_ITERATIONS
    for (std::size_t j = 0; j < count; ++j) {
      float g = dy[row + j];
      if constexpr (with_y) g = scalar::ReluBackward{}(y[row + j], g);
      dx[row + j] = scale[j] * g - shift[j] - slope[j] * (x[row + j] - mean[j]);
    }
  }
}

// dx = scale g - shift - slope (x - mean).
void norm_gradient(const float* x, const float* y, const float* dy, const float* mean,
                   const float* scale, const float* shift, const float* slope, float* dx,
                   std::size_t n, std::size_t width) {
  if (y == nullptr)
    gradient_rows<false>(x, y, dy, mean, scale, shift, slope, dx, n, width);
  else
    gradient_rows<true>(x, y, dy, mean, scale, shift, slope, dx, n, width);
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(norm_add_rows);
HWY_EXPORT(norm_add_distances);
HWY_EXPORT(norm_apply);
HWY_EXPORT(norm_gradient_sums);
HWY_EXPORT(norm_gradient);

struct Moments {
  std::vector<double> mean, variance;  // per channel; the variance is the biased one
};

// Mean and sum of squared distances from it of one chunk, per channel. The distances are taken
// from the mean as rounded to float, and the result is corrected for its error.
void chunk_moments(const ChannelRows& rows, std::size_t chunk, const float* x, std::size_t count,
                   double* mean, double* squares) {
  const std::size_t channels = rows.channels(), width = rows.width();
  const double n = double(rows.rows_in(chunk));
  AlignedVector<float> wide(2 * width);
  std::vector<float> sums(2 * channels), near_mean(channels);
  HWY_DYNAMIC_DISPATCH(norm_add_rows)(x, wide.data(), count, width);
  rows.fold(wide.data(), near_mean.data());
  for (float& value : near_mean) value /= float(n);
  const AlignedVector<float> center = rows.widened(near_mean.data());
  std::fill(wide.begin(), wide.end(), 0.0f);
  HWY_DYNAMIC_DISPATCH(norm_add_distances)
  (x, center.data(), wide.data(), wide.data() + width, count, width);
  rows.fold(wide.data(), sums.data());
  rows.fold(wide.data() + width, sums.data() + channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double error = double(sums[c]) / n;
    mean[c] = double(near_mean[c]) + error;
    squares[c] = double(sums[channels + c]) - error * double(sums[c]);
  }
}

Moments moments(const ChannelRows& rows, const float* x) {
  const std::size_t channels = rows.channels();
  std::vector<double> means(rows.chunks() * channels), squares(rows.chunks() * channels);
  rows.for_each_chunk([&](std::size_t chunk, std::size_t i, std::size_t count) {
    chunk_moments(rows, chunk, x + i, count, &means[chunk * channels], &squares[chunk * channels]);
  });
  Moments result{std::vector<double>(channels), std::vector<double>(channels)};
  double merged = 0;  // rows so far
  for (std::size_t chunk = 0; chunk < rows.chunks(); ++chunk) {
    const double added = double(rows.rows_in(chunk));
    const double weight = added / (merged + added);
    for (std::size_t c = 0; c < channels; ++c) {
      const double distance = means[chunk * channels + c] - result.mean[c];
      result.mean[c] += distance * weight;
      result.variance[c] += squares[chunk * channels + c] + distance * distance * merged * weight;
    }
    merged += added;
  }
  for (double& variance : result.variance) variance = std::max(variance, 0.0) / double(rows.rows());
  return result;
}

// The tensors of both forward kernels, checked.
struct Checked {
  Checked(std::string_view kernel, const BatchNormForward& t)
      : channels(channels_of(kernel, t.x)), per_channel{std::int64_t(channels)} {
    check_float(kernel, "x", t.x, t.x.shape());
    check_float(kernel, "y", t.y, t.x.shape());
    if (t.residual.defined()) check_float(kernel, "residual", t.residual, t.x.shape());
    check_float(kernel, "gamma", t.gamma, per_channel);
    check_float(kernel, "beta", t.beta, per_channel);
    check_float(kernel, "running_mean", t.running_mean, per_channel);
    check_float(kernel, "running_var", t.running_var, per_channel);
  }
  std::size_t channels;
  Shape per_channel;
};

void apply(const ChannelRows& rows, const BatchNormOptions& options, const BatchNormForward& t,
           const float* mean, const float* scale) {
  const AlignedVector<float> center = rows.widened(mean), factor = rows.widened(scale),
                             shift = rows.widened(t.beta.data<float>());
  const float* x = t.x.data<float>();
  const float* residual = t.residual.defined() ? t.residual.data<float>() : nullptr;
  float* y = t.y.data<float>();
  rows.for_each_chunk([&](std::size_t, std::size_t i, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(norm_apply)
    (options.relu, x + i, residual == nullptr ? nullptr : residual + i, center.data(),
     factor.data(), shift.data(), y + i, count, rows.width());
  });
}

// The tensors of the backward kernels, checked; the number of channels.
std::size_t checked_channels(std::string_view kernel, const BatchNormOptions& options,
                             const BatchNormBackward& t) {
  const std::size_t channels = channels_of(kernel, t.x);
  const Shape per_channel{std::int64_t(channels)};
  for (const Tensor* tensor : {&t.x, &t.dy, &t.dx})
    check_float(kernel, "x, dy or dx", *tensor, t.x.shape());
  for (const Tensor* tensor : {&t.gamma, &t.mean, &t.inverse_deviation, &t.d_gamma, &t.d_beta})
    check_float(kernel, "a per-channel tensor", *tensor, per_channel);
  if (options.relu) check_float(kernel, "y", t.y, t.x.shape());
  if (t.d_residual.defined()) check_float(kernel, "d_residual", t.d_residual, t.x.shape());
  return channels;
}

struct GradientTotals {
  std::vector<double> g, gx;  // per channel: of the gradient at the sum, and of it times (x - mean)
};

// Writes d_beta, d_gamma and d_residual.
GradientTotals gradient_totals(const ChannelRows& rows, const BatchNormOptions& options,
                               const BatchNormBackward& t) {
  const std::size_t channels = rows.channels();
  const float* x = t.x.data<float>();
  const float* dy = t.dy.data<float>();
  const float* y = options.relu ? t.y.data<float>() : nullptr;
  float* masked = t.d_residual.defined() ? t.d_residual.data<float>() : nullptr;
  const AlignedVector<float> center = rows.widened(t.mean.data<float>());
  std::vector<float> partial(rows.chunks() * 2 * channels);
  rows.for_each_chunk([&](std::size_t chunk, std::size_t i, std::size_t count) {
    AlignedVector<float> sums(2 * rows.width());
    HWY_DYNAMIC_DISPATCH(norm_gradient_sums)
    (x + i, y == nullptr ? nullptr : y + i, dy + i, center.data(),
     masked == nullptr ? nullptr : masked + i, sums.data(), sums.data() + rows.width(), count,
     rows.width());
    rows.fold(sums.data(), &partial[chunk * 2 * channels]);
    rows.fold(sums.data() + rows.width(), &partial[(chunk * 2 + 1) * channels]);
  });
  GradientTotals totals{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t chunk = 0; chunk < rows.chunks(); ++chunk)
    for (std::size_t c = 0; c < channels; ++c) {
      totals.g[c] += double(partial[chunk * 2 * channels + c]);
      totals.gx[c] += double(partial[(chunk * 2 + 1) * channels + c]);
    }
  for (std::size_t c = 0; c < channels; ++c) {
    t.d_beta.data<float>()[c] = float(totals.g[c]);
    t.d_gamma.data<float>()[c] = float(totals.gx[c] * double(t.inverse_deviation.data<float>()[c]));
  }
  return totals;
}

// Writes dx from the sums over n rows. With x̂ = (x - mean) / deviation:
//   dx = gamma / deviation · (g - Σg / n - x̂ · Σ(g x̂) / n)
void write_input_gradient(const ChannelRows& rows, const BatchNormOptions& options,
                          const BatchNormBackward& t, const GradientTotals& totals, double n) {
  const std::size_t channels = rows.channels();
  std::vector<float> scale(channels), shift(channels), slope(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double inverse = double(t.inverse_deviation.data<float>()[c]);
    const double factor = double(t.gamma.data<float>()[c]) * inverse;
    scale[c] = float(factor);
    shift[c] = float(factor * totals.g[c] / n);
    slope[c] = float(factor * totals.gx[c] * inverse * inverse / n);
  }
  const AlignedVector<float> center = rows.widened(t.mean.data<float>()),
                             wide_scale = rows.widened(scale.data()),
                             wide_shift = rows.widened(shift.data()),
                             wide_slope = rows.widened(slope.data());
  // Once the masked gradient is stored, it replaces both dy and y.
  const bool masked = t.d_residual.defined();
  const float* x = t.x.data<float>();
  const float* g = masked ? t.d_residual.data<float>() : t.dy.data<float>();
  const float* mask = masked || !options.relu ? nullptr : t.y.data<float>();
  float* dx = t.dx.data<float>();
  rows.for_each_chunk([&](std::size_t, std::size_t i, std::size_t count) {
    HWY_DYNAMIC_DISPATCH(norm_gradient)
    (x + i, mask == nullptr ? nullptr : mask + i, g + i, center.data(), wide_scale.data(),
     wide_shift.data(), wide_slope.data(), dx + i, count, rows.width());
  });
}

}  // namespace

void CpuBackend::batch_norm_train(const BatchNormOptions& options, const BatchNormForward& t) {
  const Checked checked("batch_norm_train", t);
  const std::size_t channels = checked.channels;
  check_float("batch_norm_train", "mean", t.mean, checked.per_channel);
  check_float("batch_norm_train", "inverse_deviation", t.inverse_deviation, checked.per_channel);
  const std::size_t count = channels == 0 ? 0 : std::size_t(t.x.elements()) / channels;
  require(count > 1, "batch_norm_train: x {} has {} value per channel, a variance needs two",
          t.x.shape().text(), count);
  const ChannelRows rows(count, channels);
  const Moments batch = moments(rows, t.x.data<float>());

  const double unbiased = double(count) / double(count - 1), momentum = double(options.momentum);
  float* mean = t.mean.data<float>();
  float* inverse = t.inverse_deviation.data<float>();
  float* running_mean = t.running_mean.data<float>();
  float* running_var = t.running_var.data<float>();
  std::vector<float> scale(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    mean[c] = float(batch.mean[c]);
    inverse[c] = float(1 / std::sqrt(batch.variance[c] + double(options.epsilon)));
    scale[c] = t.gamma.data<float>()[c] * inverse[c];
    running_mean[c] += float(momentum * (batch.mean[c] - double(running_mean[c])));
    running_var[c] += float(momentum * (batch.variance[c] * unbiased - double(running_var[c])));
  }
  apply(rows, options, t, mean, scale.data());
}

void CpuBackend::batch_norm_infer(const BatchNormOptions& options, const BatchNormForward& t) {
  const Checked checked("batch_norm_infer", t);
  if (t.x.elements() == 0) return;
  std::vector<float> scale(checked.channels);
  for (std::size_t c = 0; c < checked.channels; ++c)
    scale[c] =
        t.gamma.data<float>()[c] / std::sqrt(t.running_var.data<float>()[c] + options.epsilon);
  apply(ChannelRows(std::size_t(t.x.elements()) / checked.channels, checked.channels), options, t,
        t.running_mean.data<float>(), scale.data());
}

void CpuBackend::batch_norm_backward(const BatchNormOptions& options, const BatchNormBackward& t) {
  const std::size_t channels = checked_channels("batch_norm_backward", options, t);
  if (t.x.elements() == 0) return zero(t.d_gamma), zero(t.d_beta);
  const ChannelRows rows(std::size_t(t.x.elements()) / channels, channels);
  const GradientTotals totals = gradient_totals(rows, options, t);
  write_input_gradient(rows, options, t, totals, double(rows.rows()));
}

void CpuBackend::batch_norm_gradient_sums(const BatchNormOptions& options,
                                          const BatchNormBackward& t) {
  const std::size_t channels = checked_channels("batch_norm_gradient_sums", options, t);
  if (t.x.elements() == 0) return zero(t.d_gamma), zero(t.d_beta);
  (void)gradient_totals({std::size_t(t.x.elements()) / channels, channels}, options, t);
}

void CpuBackend::batch_norm_input_gradient(const BatchNormOptions& options,
                                           const BatchNormBackward& t, double count) {
  const std::size_t channels = checked_channels("batch_norm_input_gradient", options, t);
  require(count > 0, "batch_norm_input_gradient: statistics of {} values", count);
  if (t.x.elements() == 0) return;
  GradientTotals totals{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t c = 0; c < channels; ++c) {
    totals.g[c] = double(t.d_beta.data<float>()[c]);
    totals.gx[c] =
        double(t.d_gamma.data<float>()[c]) / double(t.inverse_deviation.data<float>()[c]);
  }
  write_input_gradient({std::size_t(t.x.elements()) / channels, channels}, options, t, totals,
                       count);
}

void CpuBackend::channel_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) {
  constexpr std::string_view kernel = "channel_statistics";
  const std::size_t channels = channels_of(kernel, x);
  check_float(kernel, "x", x, x.shape());
  check_float(kernel, "mean", mean, {std::int64_t(channels)});
  check_float(kernel, "variance", variance, {std::int64_t(channels)});
  require(x.elements() > 0, "{}: x {} has no element", kernel, x.shape().text());
  const ChannelRows rows(std::size_t(x.elements()) / channels, channels);
  const Moments batch = moments(rows, x.data<float>());
  std::ranges::copy(batch.mean, mean.data<float>());
  std::ranges::copy(batch.variance, variance.data<float>());
}

}  // namespace hush
#endif  // HWY_ONCE
