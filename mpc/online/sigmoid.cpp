#include "mpc/online/sigmoid.h"

#include <array>
#include <cmath>

#include "core/ops/elementwise.h"
#include "mpc/online/product.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/square.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {
namespace {

constexpr double kClip = 4.25;
// Of c, c t and c t².
constexpr std::array<double, 3> kCoefficients = {0.23742759086148724, -0.012356542277495636,
                                                 0.0003118910134309951};
// Of the coefficients; the sum in t then is below 2^(2 · 16 + 24) in magnitude.
constexpr unsigned kCoefficientBits = 24;

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

}  // namespace

Conversation sigmoid(Party& party, ReluOptions relu_options, unsigned fraction_bits,
                     std::span<const Ring> x, std::span<Ring> y) {
  check(relu_options, fraction_bits);
  const std::size_t n = x.size();
  const unsigned f = fraction_bits;
  const Share c{Tensor::empty(vector_of(n), DType::ring64)};
  co_await clip(party, relu_options, encode(kClip, f), x, c.words());

  RingBuffer t(n);
  RingBuffer t2(n);
  co_await square(party, c.words(), std::span<Ring>(t));
  co_await truncate_square(party, f, std::span<const Ring>(t), std::span<Ring>(t),
                           std::span<Ring>(t2));

  // The polynomial in t with 2 f + kCoefficientBits fraction bits, then with f.
  const Share factor{Tensor::empty(vector_of(n), DType::ring64)};
  const auto sum = factor.words();
  const Ring constant = party.first() ? encode(kCoefficients[0], kCoefficientBits + 2 * f) : 0;
  const Ring slope = encode(kCoefficients[1], kCoefficientBits) << f;
  const Ring curve = encode(kCoefficients[2], kCoefficientBits);
  for (std::size_t i = 0; i < n; ++i) sum[i] = constant + slope * t[i] + curve * t2[i];
  co_await truncate(party, f + kCoefficientBits, sum, sum);

  const Share result{Tensor::empty(vector_of(n), DType::ring64)};
  const std::shared_ptr<const Op> op = multiply_op();
  co_await product(party, op, c, factor, result);
  co_await truncate(party, f, result.words(), y);
  if (party.first())
    for (std::size_t i = 0; i < n; ++i) y[i] += encode(0.5, f);
}

Cost predict_sigmoid(const ReluOptions& relu_options, std::size_t count) {
  return predict_relu(relu_options, 2 * count) + predict_square(count) +
         predict_truncate_square(count) + predict_truncate(count) +
         predict_product(vector_of(count), vector_of(count)) + predict_truncate(count);
}

void demand_sigmoid(Demand& demand, const ReluOptions& relu_options, unsigned fraction_bits,
                    std::size_t count) {
  check(relu_options, fraction_bits);
  demand_relu(demand, relu_options, 2 * count);
  demand_square(demand, count);
  demand_truncate_square(demand, fraction_bits, count);
  demand_truncate(demand, fraction_bits + kCoefficientBits, count);
  demand_product(demand, multiply_op(), vector_of(count), vector_of(count));
  demand_truncate(demand, fraction_bits, count);
}

}  // namespace hush::mpc
