// The ops by their definition, element by element, to test kernels against: independent of
// everything in core/ but its shapes and options. T is double for float ops and Ring for ring ones.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "core/kernel_options.h"
#include "core/shape.h"
#include "tests/support/reference_products.h"

namespace hush::reference {

// A dense row-major array.
template <class T>
struct Array {
  explicit Array(const Shape& s = {}) : shape(s), values(std::size_t(s.elements())) {}

  template <class... Index>
  T& operator()(Index... index) {
    return values[offset({std::int64_t(index)...})];
  }
  template <class... Index>
  const T& operator()(Index... index) const {
    return values[offset({std::int64_t(index)...})];
  }

  Shape shape;
  std::vector<T> values;

 private:
  std::size_t offset(std::initializer_list<std::int64_t> index) const {
    std::int64_t result = 0;
    int axis = 0;
    for (const std::int64_t i : index) result = result * shape[axis++] + i;
    return std::size_t(result);
  }
};

template <class T>
using Arrays = std::vector<Array<T>>;

struct ConvExtras {
  bool bias = false, residual = false, relu = false;
};

template <class T>
Array<T> conv2d(const ConvOptions& options, const ConvExtras& extras, const Arrays<T>& in) {
  const Shape &x = in[0].shape, &w = in[1].shape;
  const Convolution conv{x[0], x[1], x[2], x[3], w[0], w[1], w[3], options};
  Array<T> y({x[0], conv.oh(), conv.ow(), w[3]});
  conv.for_products([&](std::int64_t i, std::int64_t j, std::int64_t k) {
    y.values[std::size_t(k)] += in[0].values[std::size_t(i)] * in[1].values[std::size_t(j)];
  });
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    T& value = y.values[i];
    if (extras.bias) value += in[2].values[i % std::size_t(w[3])];
    if (extras.residual) value += in[extras.bias ? 3 : 2].values[i];
    if constexpr (std::is_same_v<T, double>) value = extras.relu ? std::max(value, 0.0) : value;
  }
  return y;
}

template <class T>
Array<T> linear(bool bias, const Arrays<T>& in) {
  Array<T> y({in[0].shape[0], in[1].shape[1]});
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t k = 0; k < y.shape[1]; ++k) {
      y(n, k) = bias ? in[2](k) : T(0);
      for (std::int64_t c = 0; c < in[0].shape[1]; ++c) y(n, k) += in[0](n, c) * in[1](c, k);
    }
  return y;
}

template <class T>
Array<T> channel_multiply(const Arrays<T>& in) {
  Array<T> y(in[0].shape);
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t h = 0; h < y.shape[1]; ++h)
      for (std::int64_t w = 0; w < y.shape[2]; ++w)
        for (std::int64_t c = 0; c < y.shape[3]; ++c)
          y(n, h, w, c) = in[0](n, h, w, c) * in[1](n, 0, 0, c);
  return y;
}

inline double scalar_function(Unary f, double x) {
  switch (f) {
    case Unary::relu:
      return std::max(x, 0.0);
    case Unary::silu:
      return x / (1 + std::exp(-x));
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::square:
      return x * x;
    case Unary::negate:
      return -x;
  }
  return 0;
}
inline std::uint64_t scalar_function(Unary f, std::uint64_t x) {
  return f == Unary::square ? x * x : ~x + 1;
}

template <class T>
Array<T> map(Unary f, const Arrays<T>& in) {
  Array<T> y(in[0].shape);
  for (std::size_t i = 0; i < y.values.size(); ++i)
    y.values[i] = scalar_function(f, in[0].values[i]);
  return y;
}

template <class T>
Array<T> zip(Binary f, const Arrays<T>& in) {
  Array<T> y(in[0].shape);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const T a = in[0].values[i], b = in[1].values[i];
    y.values[i] = f == Binary::add ? a + b : f == Binary::subtract ? a - b : a * b;
  }
  return y;
}

// Inputs as those of hush::GatedActivation: x, gate, coefficients c0, c1, c2.
inline Array<double> gated_activation(const Arrays<double>& in) {
  const Array<double>& x = in[0];
  const std::size_t channels = std::size_t(x.shape[-1]), map = in[1].values.size();
  Array<double> y(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double v = x.values[i], m = in[1].values[i % map];
    const double* c = in[2].values.data() + i % channels;
    y.values[i] =
        m * std::max(v, 0.0) + (1 - m) * (c[0] + c[channels] * v + c[2 * channels] * v * v);
  }
  return y;
}

struct ChannelMoments {
  std::vector<double> mean, variance;  // biased variance
  double count;                        // elements per channel
};

inline ChannelMoments channel_moments(const Array<double>& x) {
  const std::size_t channels = std::size_t(x.shape[-1]);
  ChannelMoments m{std::vector<double>(channels), std::vector<double>(channels),
                   double(x.values.size() / channels)};
  for (std::size_t i = 0; i < x.values.size(); ++i) m.mean[i % channels] += x.values[i] / m.count;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double distance = x.values[i] - m.mean[i % channels];
    m.variance[i % channels] += distance * distance / m.count;
  }
  return m;
}

// Inputs as those of hush::BatchNorm.
inline Array<double> batch_norm(const BatchNormOptions& options, bool residual, bool training,
                                const Arrays<double>& in) {
  const Array<double>& x = in[0];
  const std::size_t channels = std::size_t(x.shape[-1]);
  const ChannelMoments m =
      training ? channel_moments(x) : ChannelMoments{in[3].values, in[4].values, 0};
  Array<double> y(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const std::size_t c = i % channels;
    double value = in[1].values[c] * (x.values[i] - m.mean[c]) /
                       std::sqrt(m.variance[c] + double(options.epsilon)) +
                   in[2].values[c];
    if (residual) value += in[5].values[i];
    y.values[i] = options.relu ? std::max(value, 0.0) : value;
  }
  return y;
}

// The average divides over double and only sums over the ring.
template <class T>
Array<T> pool(const PoolOptions& o, const Arrays<T>& in) {
  const Array<T>& x = in[0];
  const bool global = o.kernel == 0;
  const std::int64_t kh = global ? x.shape[1] : o.kernel, kw = global ? x.shape[2] : o.kernel;
  const std::int64_t stride = global ? 1 : o.stride, padding = global ? 0 : o.padding;
  const std::int64_t oh = (x.shape[1] + 2 * padding - kh) / stride + 1;
  const std::int64_t ow = (x.shape[2] + 2 * padding - kw) / stride + 1;
  Array<T> y({x.shape[0], oh, ow, x.shape[3]});
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t i = 0; i < oh; ++i)
      for (std::int64_t j = 0; j < ow; ++j)
        for (std::int64_t c = 0; c < y.shape[3]; ++c) {
          std::vector<T> window;
          for (std::int64_t h = i * stride - padding; h < i * stride - padding + kh; ++h)
            for (std::int64_t w = j * stride - padding; w < j * stride - padding + kw; ++w)
              if (h >= 0 && h < x.shape[1] && w >= 0 && w < x.shape[2])
                window.push_back(x(n, h, w, c));
          T result = 0;
          if (o.kind == PoolKind::max)
            result = *std::max_element(window.begin(), window.end());
          else
            for (const T value : window) result += value;
          if constexpr (std::is_same_v<T, double>)
            if (o.kind == PoolKind::average) result /= double(kh * kw);
          y(n, i, j, c) = result;
        }
  if (global) y.shape = {x.shape[0], x.shape[3]};
  return y;
}

template <class T>
Array<T> subsample_pad(int stride, int before, int channels, const Arrays<T>& in) {
  const Array<T>& x = in[0];
  Array<T> y({x.shape[0], (x.shape[1] - 1) / stride + 1, (x.shape[2] - 1) / stride + 1, channels});
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t h = 0; h < y.shape[1]; ++h)
      for (std::int64_t w = 0; w < y.shape[2]; ++w)
        for (std::int64_t c = 0; c < x.shape[3]; ++c)
          y(n, h, w, before + c) = x(n, h * stride, w * stride, c);
  return y;
}

// in[1] holds the labels.
inline Array<double> softmax_cross_entropy(double smoothing, const Arrays<double>& in) {
  const Array<double>& logits = in[0];
  const std::int64_t rows = logits.shape[0], classes = logits.shape[1];
  Array<double> loss;
  for (std::int64_t n = 0; n < rows; ++n) {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(logits(n, c));
    for (std::int64_t c = 0; c < classes; ++c) {
      const double target =
          smoothing / double(classes) + (c == std::int64_t(in[1](n)) ? 1 - smoothing : 0.0);
      loss.values[0] -= target * (logits(n, c) - std::log(sum)) / double(rows);
    }
  }
  return loss;
}

// in[0] are the student's logits, in[1] the teacher's.
inline Array<double> distillation(double temperature, double weight, const Arrays<double>& in) {
  const std::int64_t rows = in[0].shape[0], classes = in[0].shape[1];
  Array<double> loss;
  for (std::int64_t n = 0; n < rows; ++n) {
    double student = 0, teacher = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      student += std::exp(in[0](n, c) / temperature);
      teacher += std::exp(in[1](n, c) / temperature);
    }
    for (std::int64_t c = 0; c < classes; ++c) {
      const double p = std::exp(in[0](n, c) / temperature) / student;
      const double q = std::exp(in[1](n, c) / temperature) / teacher;
      loss.values[0] += weight * q * std::log(q / p) / double(rows);
    }
  }
  return loss;
}

}  // namespace hush::reference
