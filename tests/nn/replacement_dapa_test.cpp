// DaPa's closed forms against numerical integration, and the properties that follow from them.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include "nn/dapa.h"

namespace hush::nn {
namespace {

struct Normal {
  double mean, deviation;
};
constexpr std::array kNormals{Normal{0, 1},     Normal{0, 1.4142135623730951},
                              Normal{1.5, 1},   Normal{-2, 1},
                              Normal{0.3, 0.1}, Normal{-0.7, 3.5},
                              Normal{4, 2}};

constexpr DapaOptions kUnlimited{.quadratic_limit = INFINITY};

// E[f(x)] by Simpson's rule over ±12 deviations.
double expectation(const Normal& normal, const std::function<double(double)>& f) {
  constexpr int kIntervals = 24000;
  const double step = 24 * normal.deviation / kIntervals;
  double sum = 0;
  for (int i = 0; i <= kIntervals; ++i) {
    const double z = -12 + 24.0 * i / kIntervals;
    const double weight = i == 0 || i == kIntervals ? 1 : i % 2 == 1 ? 4 : 2;
    sum += weight * f(normal.mean + normal.deviation * z) * std::exp(-z * z / 2);
  }
  return sum * step / 3 / (normal.deviation * std::sqrt(2 * std::numbers::pi));
}

double error(const Normal& normal, const Polynomial& g) {
  return expectation(normal, [&](double x) {
    const double miss = std::max(x, 0.0) - g(x);
    return miss * miss;
  });
}

// At a least-squares optimum the residual is orthogonal to each power that is free.
void expect_orthogonal(const Normal& normal, const Polynomial& g, int highest_power) {
  const double scale = std::abs(normal.mean) + normal.deviation;
  for (int power = 0; power <= highest_power; ++power) {
    const double product = expectation(
        normal, [&](double x) { return (std::max(x, 0.0) - g(x)) * std::pow(x / scale, power); });
    EXPECT_NEAR(product / scale, 0, 1e-7)
        << "N(" << normal.mean << ", " << normal.deviation << "²), power " << power;
  }
}

TEST(Dapa, DegreeTwoIsTheLeastSquaresFit) {
  for (const Normal& n : kNormals)
    expect_orthogonal(n, polynomial_for(PolynomialKind::dapa2, n.mean, n.deviation, kUnlimited), 2);
}

TEST(Dapa, DegreeOneIsTheLeastSquaresFit) {
  for (const Normal& n : kNormals) {
    const Polynomial g = polynomial_for(PolynomialKind::dapa1, n.mean, n.deviation);
    EXPECT_EQ(g.c2, 0);
    expect_orthogonal(n, g, 1);
  }
}

TEST(Dapa, ScaledQuadraticHasTheBestLineBesideIt) {
  for (const Normal& n : kNormals)
    for (const double scale : {0.1, 0.5}) {
      const DapaOptions options{.quadratic_scale = scale, .quadratic_limit = INFINITY};
      const Polynomial g = polynomial_for(PolynomialKind::dapa2, n.mean, n.deviation, options);
      const Polynomial best =
          polynomial_for(PolynomialKind::dapa2, n.mean, n.deviation, kUnlimited);
      EXPECT_DOUBLE_EQ(g.c2, scale * best.c2);
      expect_orthogonal(n, g, 1);
    }
}

TEST(Dapa, ErrorFallsWithTheDegreeAndTheScale) {
  const Normal n{0.2, 1.3};
  const auto fit = [&](PolynomialKind kind, double scale) {
    return error(n, polynomial_for(kind, n.mean, n.deviation, {.quadratic_scale = scale}));
  };
  EXPECT_LT(fit(PolynomialKind::dapa2, 1), fit(PolynomialKind::dapa2, 0.5));
  EXPECT_LT(fit(PolynomialKind::dapa2, 0.5), fit(PolynomialKind::dapa1, 1));
  EXPECT_LT(fit(PolynomialKind::dapa1, 1), fit(PolynomialKind::identity, 1));
}

// Fig. 6 of the paper: N(0, variance 2) gives 0.14 x² + 0.5 x + 0.28.
TEST(Dapa, PaperExample) {
  const Polynomial g = polynomial_for(PolynomialKind::dapa2, 0, std::sqrt(2.0));
  EXPECT_NEAR(g.c2, 0.14, 0.005);
  EXPECT_NEAR(g.c1, 0.5, 1e-12);
  EXPECT_NEAR(g.c0, 0.28, 0.005);
}

// The printed equations, with the exponent of Eq. 14 mended.
TEST(Dapa, EqualsThePaperClosedForms) {
  for (const auto& [mean, deviation] : kNormals) {
    const double e = std::exp(-mean * mean / (2 * deviation * deviation)), pi = std::numbers::pi;
    const double root2 = std::numbers::sqrt2;
    const Polynomial g = polynomial_for(PolynomialKind::dapa2, mean, deviation, kUnlimited);
    EXPECT_NEAR(g.c2, root2 * e / (4 * std::sqrt(pi) * deviation), 1e-12);
    EXPECT_NEAR(g.c1,
                1 - 0.5 * std::erfc(mean / (root2 * deviation)) -
                    root2 * mean * e / (2 * std::sqrt(pi) * deviation),
                1e-12);
    EXPECT_NEAR(g.c0,
                root2 * mean * mean * e / (4 * std::sqrt(pi) * deviation) +
                    root2 * deviation * e / (4 * std::sqrt(pi)),
                1e-12);
  }
}

TEST(Dapa, FixedPolynomials) {
  const Polynomial identity = polynomial_for(PolynomialKind::identity, 3, 4);
  const Polynomial square = polynomial_for(PolynomialKind::square, 3, 4);
  const Polynomial both = polynomial_for(PolynomialKind::square_plus_x, 3, 4);
  for (const double x : {-2.0, 0.5, 3.0}) {
    EXPECT_EQ(identity(x), x);
    EXPECT_EQ(square(x), x * x);
    EXPECT_EQ(both(x), x * x + x);
  }
}

// The limit takes hold where the deviation is small; the line beside it is refitted.
TEST(Dapa, LimitHoldsTheQuadraticOfQuietChannels) {
  const Normal quiet{0.02, 0.05};
  const Polynomial g =
      polynomial_for(PolynomialKind::dapa2, quiet.mean, quiet.deviation, {.quadratic_limit = 0.5});
  EXPECT_EQ(g.c2, 0.5);
  expect_orthogonal(quiet, g, 1);
  const Polynomial dead = polynomial_for(PolynomialKind::dapa2, 0.1, 0);
  EXPECT_NEAR(dead(0.1), 0.1, 1e-9);
  EXPECT_THROW(polynomial_for(PolynomialKind::dapa2, NAN, 1), ArgumentError);
  EXPECT_THROW(polynomial_for(PolynomialKind::dapa2, 0, -1), ArgumentError);
}

// A channel with heavy tails: what is far out must not be squared to something further out.
TEST(Dapa, TailLimitTamesChannelsThatReachFar) {
  const Normal normal{0.3, 1};
  const DapaOptions options{.quadratic_limit = INFINITY, .tail_limit = 0.5};
  const auto fit = [&](double reach) {
    return polynomial_for(PolynomialKind::dapa2, normal.mean, normal.deviation, options, reach);
  };
  const Polynomial near = fit(1), far = fit(20);
  EXPECT_EQ(near.c2, fit(0).c2);  // the best one; a reach of 0 is one that is not known
  EXPECT_DOUBLE_EQ(far.c2, 0.5 / 20);
  expect_orthogonal(normal, far, 1);
  EXPECT_THROW(fit(-1), ArgumentError);
  EXPECT_THROW(fit(NAN), ArgumentError);
  const Polynomial line = fit(INFINITY);
  EXPECT_EQ(line.c2, 0);
  expect_orthogonal(normal, line, 1);
  EXPECT_EQ(polynomial_for(PolynomialKind::dapa2, 0.3, 1, {.tail_limit = INFINITY}, INFINITY).c2,
            polynomial_for(PolynomialKind::dapa2, 0.3, 1).c2);
}

TEST(Dapa, CoefficientsOfAllChannels) {
  const Tensor mean = Tensor::from<float>({2}, {0.5f, -1}),
               variance = Tensor::from<float>({2}, {4, 0.25f});
  const Tensor coefficients = Tensor::empty({3, 2}, DType::float32);
  fill_coefficients(PolynomialKind::dapa2, mean, variance, {}, coefficients);
  const Polynomial first = polynomial_for(PolynomialKind::dapa2, 0.5, 2);
  const Polynomial second = polynomial_for(PolynomialKind::dapa2, -1, 0.5);
  const std::vector<float> expected{float(first.c0),  float(second.c0), float(first.c1),
                                    float(second.c1), float(first.c2),  float(second.c2)};
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_FLOAT_EQ(coefficients.values<float>()[i], expected[i]) << i;
  const std::vector<float> reach{0, 100};
  fill_coefficients(PolynomialKind::dapa2, mean, variance, {.tail_limit = 1}, coefficients, reach);
  EXPECT_FLOAT_EQ(coefficients.values<float>()[4], float(first.c2));
  EXPECT_FLOAT_EQ(coefficients.values<float>()[5], 0.01f);
  EXPECT_THROW(fill_coefficients(PolynomialKind::dapa2, mean, variance, {}, coefficients,
                                 std::span(reach).first(1)),
               ArgumentError);
}

TEST(Dapa, NamesAreReadBack) {
  for (const std::string& name : polynomial_names())
    EXPECT_EQ(name_of(parse_polynomial_kind(name)), name);
  EXPECT_THROW(parse_polynomial_kind("cubic"), ArgumentError);
}

}  // namespace
}  // namespace hush::nn
