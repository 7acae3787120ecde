#include "mpc/online/sigmoid.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/ops/elementwise.h"
#include "mpc/online/product.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/square.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {
namespace {

constexpr double kClip = 8;
// Of c, c s, …, c s⁸.
constexpr std::array<double, 9> kCoefficients = {
    0.2488529375100862,  -1.2363818285949033, 5.989450340614612,
    -20.957806696538746, 48.884523019136005,  -73.00384999982418,
    66.57488034011783,   -33.636986007293,    7.199827019421556};
// Fraction bits of c, of the powers of s (in [0, 1]; the coefficients multiply their rounding by
// 257 in all), and of the coefficients of B.
constexpr unsigned kClippedBits = 16, kPowerBits = 24, kCoefficientBits = 24;
// c² has 2 kClippedBits, and s is 1/64 of it.
constexpr unsigned kSquareShift = 2 * kClippedBits + 6 - kPowerBits;

Ring encode(double x, unsigned fraction_bits) {
  return Ring(std::int64_t(std::llround(std::ldexp(x, int(fraction_bits)))));
}

void check(const ReluOptions& relu_options, unsigned fraction_bits) {
  require(relu_options.shift == 0, "sigmoid: truncate x before, not by {}", relu_options.shift);
  require(fraction_bits >= 8 && fraction_bits <= 16,
          "sigmoid: {} fraction bits; 8 to 16 are supported", fraction_bits);
}

std::shared_ptr<const Op> multiply_op() {
  static const auto op = std::make_shared<const Multiply>();
  return op;
}

Shape vector_of(std::size_t count) {
  return {std::int64_t(count)};
}

// c = x - ReLU(x - clip) + ReLU(-clip - x)
Conversation clip(Party& party, ReluOptions relu_options, Ring limit, std::span<const Ring> x,
                  std::span<Ring> c) {
  const std::size_t n = x.size();
  RingBuffer excess(2 * n);
  const Ring bound = party.first() ? limit : 0;
  for (std::size_t i = 0; i < n; ++i) {
    excess[i] = x[i] - bound;
    excess[n + i] = 0 - bound - x[i];
  }
  co_await relu(party, relu_options, std::span<const Ring>(excess), std::span<Ring>(excess));
  for (std::size_t i = 0; i < n; ++i) c[i] = x[i] - excess[i] + excess[n + i];
}

// The sum over k of coefficients[k] times powers[k][i], the first of them of 1.
void combine(const Party& party, std::span<const double> coefficients, unsigned constant_bits,
             unsigned bits, std::initializer_list<const Ring*> powers, std::span<Ring> sum) {
  const Ring constant = party.first() ? encode(coefficients[0], constant_bits) : 0;
  std::fill(sum.begin(), sum.end(), constant);
  std::size_t k = 1;
  for (const Ring* const power : powers) {
    const Ring factor = encode(coefficients[k++], bits);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += factor * power[i];
  }
}

Share empty_vector(std::size_t count) {
  return {Tensor::empty(vector_of(count), DType::ring64)};
}

// factor = A(s) + s⁴ B(s) of s = (c / 8)², at kPowerBits.
Conversation factor_of(Party& party, Share c, Share factor) {
  constexpr unsigned f = kPowerBits;
  const std::size_t n = c.words().size();
  const Share s = empty_vector(n), s2 = empty_vector(n), s4 = empty_vector(n), b = empty_vector(n);
  RingBuffer wide(2 * n), powers(2 * n);  // of s³ and s⁴
  const auto low = wide.part(0, n), high = wide.part(n, n);
  co_await square(party, c.words(), low);
  co_await truncate_square(party, kSquareShift, low, s.words(), low);
  co_await truncate_square(party, f, low, s2.words(), high);
  const std::shared_ptr<const Op> op = multiply_op();
  co_await product(party, op, s, s2, b);
  std::ranges::copy(b.words(), low.begin());
  co_await truncate(party, f, std::span<const Ring>(wide), std::span<Ring>(powers));
  const auto s3 = powers.part(0, n);
  std::ranges::copy(powers.part(n, n), s4.words().begin());

  const std::span<const double> all = kCoefficients;
  combine(party, all.subspan(4), f + kCoefficientBits, kCoefficientBits,
          {s.words().data(), s2.words().data(), s3.data(), s4.words().data()}, b.words());
  co_await truncate(party, kCoefficientBits, b.words(), b.words());
  co_await product(party, op, s4, b, factor);
  combine(party, all.first(4), 2 * f, f, {s.words().data(), s2.words().data(), s3.data()}, low);
  for (std::size_t i = 0; i < n; ++i) low[i] += factor.words()[i];
  co_await truncate(party, f, low, factor.words());
}

}  // namespace

Conversation sigmoid(Party& party, ReluOptions relu_options, unsigned fraction_bits,
                     std::span<const Ring> x, std::span<Ring> y) {
  check(relu_options, fraction_bits);
  const std::size_t n = x.size();
  const Share c = empty_vector(n), factor = empty_vector(n), result = empty_vector(n);
  co_await clip(party, relu_options, encode(kClip, fraction_bits), x, c.words());
  for (Ring& word : c.words()) word <<= kClippedBits - fraction_bits;
  co_await factor_of(party, c, factor);
  co_await product(party, multiply_op(), c, factor, result);
  co_await truncate(party, kPowerBits + kClippedBits - fraction_bits, result.words(), y);
  if (party.first())
    for (std::size_t i = 0; i < n; ++i) y[i] += encode(0.5, fraction_bits);
}

Cost predict_sigmoid(const ReluOptions& relu_options, std::size_t count) {
  const Shape shape = vector_of(count);
  const Cost twice = predict_truncate_square(count) + predict_truncate_square(count);
  const Cost product = predict_product(shape, shape) + predict_truncate(count);
  return predict_relu(relu_options, 2 * count) + predict_square(count) + twice +
         predict_truncate(2 * count) + product + product + product;
}

void demand_sigmoid(Demand& demand, const ReluOptions& relu_options, unsigned fraction_bits,
                    std::size_t count) {
  check(relu_options, fraction_bits);
  const auto demand_one_product = [&] {
    demand_product(demand, multiply_op(), vector_of(count), vector_of(count));
  };
  demand_relu(demand, relu_options, 2 * count);
  demand_square(demand, count);
  demand_truncate_square(demand, kSquareShift, count);
  demand_truncate_square(demand, kPowerBits, count);
  demand_one_product();
  demand_truncate(demand, kPowerBits, 2 * count);
  demand_truncate(demand, kCoefficientBits, count);
  demand_one_product();
  demand_truncate(demand, kPowerBits, count);
  demand_one_product();
  demand_truncate(demand, kPowerBits + kClippedBits - fraction_bits, count);
}

}  // namespace hush::mpc
