#include "nn/dapa.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace hush::nn {
namespace {

struct KindName {
  PolynomialKind kind;
  std::string_view name;
};

constexpr std::array kNames{
    KindName{PolynomialKind::dapa2, "dapa2"}, KindName{PolynomialKind::dapa1, "dapa1"},
    KindName{PolynomialKind::identity, "identity"}, KindName{PolynomialKind::square, "square"},
    KindName{PolynomialKind::square_plus_x, "square+x"}};

// Of a channel that is constant; its fit is the tangent there.
constexpr double kLeastDeviation = 1e-6;

// The least-squares fit of ReLU on N(mean, deviation²) whose c2 is `scale` times the best one, at
// most `limit`.
Polynomial normal_fit(double mean, double deviation, double scale, double limit) {
  const double ratio = mean / deviation;
  const double density =
      std::exp(-0.5 * ratio * ratio) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  const double distribution = 0.5 * std::erfc(-ratio / std::numbers::sqrt2);
  const double expectation = mean * distribution + deviation * density;
  Polynomial fit;
  fit.c2 = std::min(scale * density / (2 * deviation), limit);
  fit.c1 = distribution - 2 * fit.c2 * mean;
  fit.c0 = expectation - fit.c2 * (mean * mean + deviation * deviation) - fit.c1 * mean;
  return fit;
}

}  // namespace

std::vector<std::string> polynomial_names() {
  std::vector<std::string> names;
  names.reserve(kNames.size());
  for (const KindName& row : kNames) names.emplace_back(row.name);
  return names;
}

PolynomialKind parse_polynomial_kind(std::string_view name) {
  const auto* row = std::ranges::find(kNames, name, &KindName::name);
  require(row != kNames.end(), "no polynomial '{}'; there are {}", name,
          fmt::join(polynomial_names(), ", "));
  return row->kind;
}

std::string name_of(PolynomialKind kind) {
  return std::string(std::ranges::find(kNames, kind, &KindName::kind)->name);
}

Polynomial polynomial_for(PolynomialKind kind, double mean, double deviation,
                          const DapaOptions& options, double reach) {
  switch (kind) {
    case PolynomialKind::identity:
      return {0, 1, 0};
    case PolynomialKind::square:
      return {0, 0, 1};
    case PolynomialKind::square_plus_x:
      return {0, 1, 1};
    case PolynomialKind::dapa1:
    case PolynomialKind::dapa2:
      break;
  }
  require(std::isfinite(mean) && std::isfinite(deviation) && deviation >= 0,
          "DaPa: mean {} and deviation {} are no statistics of a channel; did training diverge?",
          mean, deviation);
  require(reach >= 0, "DaPa: a channel reaches {}; did training diverge?", reach);
  require(options.quadratic_limit >= 0 && options.quadratic_scale >= 0 && options.tail_limit >= 0,
          "DaPa: limit {}, tail limit {} and scale {} of the quadratic must not be negative",
          options.quadratic_limit, options.tail_limit, options.quadratic_scale);
  const bool limited = reach > 0 && std::isfinite(options.tail_limit);
  const double tail = limited ? options.tail_limit / reach : INFINITY;
  return normal_fit(mean, std::max(deviation, kLeastDeviation),
                    kind == PolynomialKind::dapa1 ? 0 : options.quadratic_scale,
                    std::min(options.quadratic_limit, tail));
}

void fill_coefficients(PolynomialKind kind, const Tensor& mean, const Tensor& variance,
                       const DapaOptions& options, const Tensor& coefficients,
                       std::span<const float> reach) {
  const std::int64_t channels = mean.elements();
  require(variance.shape() == mean.shape() && coefficients.shape() == Shape({3, channels}) &&
              (reach.empty() || std::int64_t(reach.size()) == channels),
          "DaPa: {} for mean {}, variance {} and the reach of {} channels", coefficients.text(),
          mean.text(), variance.text(), reach.size());
  const Tensor host_mean = mean.to(Device{}), host_variance = variance.to(Device{});
  const Tensor result = Tensor::empty(coefficients.shape(), DType::float32);
  const auto rows = result.values<float>();
  const auto n = std::size_t(channels);
  for (std::size_t c = 0; c < n; ++c) {
    const Polynomial fit = polynomial_for(kind, double(host_mean.values<float>()[c]),
                                          std::sqrt(double(host_variance.values<float>()[c])),
                                          options, reach.empty() ? 0 : double(reach[c]));
    rows[c] = float(fit.c0);
    rows[n + c] = float(fit.c1);
    rows[2 * n + c] = float(fit.c2);
  }
  coefficients.assign(result);
}

}  // namespace hush::nn
