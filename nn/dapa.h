// Distribution-aware polynomials: what stands in for a ReLU whose input is about normal.
//
// Peng et al., "AutoReP", ICCV 2023, section 3.3, equations 11 to 14. For x ~ N(μ, σ²) and a given
// quadratic coefficient c2 the least-squares fit of relu(x) has, with φ and Φ the density and
// distribution of the standard normal,
//   c1 = Φ(μ/σ) - 2 c2 μ,   c0 = E[relu] - c2 (μ² + σ²) - c1 μ,   E[relu] = μ Φ(μ/σ) + σ φ(μ/σ),
// and c2 = φ(μ/σ) / (2σ) is best of all. (The paper's closed forms are these three; the exponent of
// the last factor of its Eq. 14 is misprinted.) c2 = 0 gives the best line, "degree 1".
//
// A smaller c2 is a worse fit in the middle and a tamer one in the tails: the polynomial expands,
// |g'| > 1, beyond (1 - c1) / 2 c2 from 0, which is 1.25 σ for the best c2 at μ = 0. What that
// does to a residual network, and the factors found, is told in docs/autorep.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace hush::nn {

// What replaces a ReLU: the fits above, or the fixed polynomials of the paper's Fig. 6.
enum class PolynomialKind : std::uint8_t { dapa2, dapa1, identity, square, square_plus_x };

// "dapa2", "dapa1", "identity", "square", "square+x", in the order of the help text.
std::vector<std::string> polynomial_names();
// Throws ArgumentError, listing them, for anything else.
PolynomialKind parse_polynomial_kind(std::string_view name);
std::string name_of(PolynomialKind kind);

// c2 x² + c1 x + c0.
struct Polynomial {
  double c0 = 0, c1 = 0, c2 = 0;
  double operator()(double x) const { return (c2 * x + c1) * x + c0; }
};

struct DapaOptions {
  double quadratic_scale = 1;    // c2 is this fraction of the best one,
  double quadratic_limit = 0.5;  // and at most this; c1 and c0 are refitted
  double tail_limit = 1;         // where a channel's reach is known: c2 times it is at most this
};

// The polynomial for an input of that mean and deviation whose magnitude seldom exceeds `reach`
// (0: not known; infinite: without x² if there is a limit); the fixed kinds ignore all three.
// Throws ArgumentError if mean or deviation is not finite, or deviation or reach negative.
Polynomial polynomial_for(PolynomialKind kind, double mean, double deviation,
                          const DapaOptions& options = {}, double reach = 0);

// Fills coefficients [3, C] (rows c0, c1, c2) from mean and variance [C] and, unless it is empty,
// reach [C]; on any device.
void fill_coefficients(PolynomialKind kind, const Tensor& mean, const Tensor& variance,
                       const DapaOptions& options, const Tensor& coefficients,
                       std::span<const float> reach = {});

}  // namespace hush::nn
