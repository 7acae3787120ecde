#include "mpc/online/relu.h"

#include <algorithm>

#include "core/ops/elementwise.h"
#include "mpc/offline/correlations.h"
#include "mpc/online/binary.h"
#include "mpc/online/carry.h"
#include "mpc/online/comparison.h"
#include "mpc/online/product.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/selection.h"
#include "mpc/online/truncation.h"

namespace hush::mpc {
namespace {

struct MethodName {
  ReluMethod method;
  std::string_view name;
};
constexpr MethodName kNames[] = {{ReluMethod::a2b, "a2b"},
                                 {ReluMethod::carry, "carry"},
                                 {ReluMethod::dcf, "dcf"},
                                 {ReluMethod::dcf_select, "dcf-select"}};

void check(const ReluOptions& options) {
  require(options.width >= 9 && options.width <= 64, "relu: width {} is not 9 to 64",
          options.width);
  require(options.shift <= 55, "relu: a shift of {} leaves fewer than 9 bits", options.shift);
}

// Bits of x >> shift that the carry tree looks at.
unsigned compared_width(const ReluOptions& options) {
  return std::min(options.width, 64 - options.shift);
}

std::shared_ptr<const Op> multiply_op() {
  static const auto op = std::make_shared<const Multiply>();
  return op;
}

Shape vector_of(std::size_t count) {
  return {std::int64_t(count)};
}

// Party 0 inverts the sign bits: x >= 0 is "not negative".
std::uint64_t inverted_sign(bool first, Ring binary) {
  return (binary >> 63) ^ (first ? 1 : 0);
}

void pack_signs(bool first, std::span<const std::uint64_t> binary, std::span<std::uint64_t> bits) {
  std::fill(bits.begin(), bits.end(), 0);
  for (std::size_t i = 0; i < binary.size(); ++i)
    bits[i / 64] |= inverted_sign(first, binary[i]) << (i % 64);
}

Conversation nonnegative_by_a2b(Party& party, std::span<const Ring> x,
                                std::span<std::uint64_t> bits) {
  RingBuffer binary(x.size());
  co_await arithmetic_to_binary(party, x, std::span<Ring>(binary));
  pack_signs(party.first(), std::span<const Ring>(binary), bits);
}

Conversation relu_by_a2b(Party& party, std::span<const Ring> x, std::span<Ring> y) {
  const std::size_t n = x.size();
  RingBuffer bits(bit_words(n));
  co_await nonnegative_by_a2b(party, x, std::span<Ring>(bits));
  const Share factor{Tensor::empty(vector_of(n), DType::ring64)};
  co_await bits_to_ring(party, std::span<const Ring>(bits), factor.words(), true);
  const Share value{Tensor::from(vector_of(n), x)};
  const Share result{Tensor::empty(vector_of(n), DType::ring64)};
  const std::shared_ptr<const Op> op = multiply_op();
  co_await product(party, op, value, factor, result);
  const auto words = result.words();
  std::copy(words.begin(), words.end(), y.begin());
}

}  // namespace

ReluMethod parse_relu_method(std::string_view text) {
  for (const MethodName& entry : kNames)
    if (entry.name == text) return entry.method;
  throw ArgumentError(
      fmt::format("relu: \"{}\" is not a method; use a2b, carry, dcf or dcf-select", text));
}

std::string_view name_of(ReluMethod method) {
  for (const MethodName& entry : kNames)
    if (entry.method == method) return entry.name;
  return "unknown";
}

Conversation relu(Party& party, ReluOptions options, std::span<const Ring> x, std::span<Ring> y) {
  check(options);
  require(x.size() == y.size(), "relu: {} words into {}", x.size(), y.size());
  switch (options.method) {
    case ReluMethod::a2b: {
      if (options.shift == 0) {
        co_await relu_by_a2b(party, x, y);
        break;
      }
      RingBuffer truncated(x.size());
      co_await truncate(party, options.shift, x, std::span<Ring>(truncated));
      co_await relu_by_a2b(party, std::span<const Ring>(truncated), y);
      break;
    }
    case ReluMethod::carry: {
      RingBuffer bits(bit_words(x.size()));
      RingBuffer shifted(options.shift == 0 ? 0 : x.size());
      for (std::size_t i = 0; i < shifted.size(); ++i) shifted[i] = x[i] >> options.shift;
      const auto compared = options.shift == 0 ? x : std::span<const Ring>(shifted);
      co_await nonnegative_by_carry(party, compared_width(options), compared,
                                    std::span<Ring>(bits));
      co_await select(party, options.shift, std::span<const Ring>(bits), x, y);
      break;
    }
    case ReluMethod::dcf:
      co_await relu_by_dcf(party, options.width, options.shift, x, y);
      break;
    case ReluMethod::dcf_select:
      co_await relu_by_dcf_and_selection(party, options.width, options.shift, x, y);
      break;
  }
}

Cost predict_relu(const ReluOptions& options, std::size_t count) {
  check(options);
  const Cost truncation = options.shift == 0 ? Cost{} : predict_truncate(count);
  switch (options.method) {
    case ReluMethod::a2b:
      return truncation + predict_arithmetic_to_binary(count) + predict_bits_to_ring(count, true) +
             predict_product(vector_of(count), vector_of(count));
    case ReluMethod::carry:
      return predict_nonnegative_by_carry(compared_width(options), count) + predict_select(count);
    case ReluMethod::dcf:
      return exchange_cost(ring_bytes(count));
    case ReluMethod::dcf_select:
      return exchange_cost(ring_bytes(count)) + exchange_cost(packed_bit_bytes(count));
  }
  return {};
}

void demand_relu(Demand& demand, const ReluOptions& options, std::size_t count) {
  check(options);
  switch (options.method) {
    case ReluMethod::a2b:
      if (options.shift != 0) demand_truncate(demand, options.shift, count);
      demand_arithmetic_to_binary(demand, count);
      demand_bits_to_ring(demand, count);
      return demand_product(demand, multiply_op(), vector_of(count), vector_of(count));
    case ReluMethod::carry:
      demand_nonnegative_by_carry(demand, compared_width(options), count);
      return demand_select(demand, options.shift, count);
    case ReluMethod::dcf:
      return demand.add(
          Comparisons::request(count, options.width, options.shift, ComparisonOutput::product));
    case ReluMethod::dcf_select:
      return demand.add(
          Comparisons::request(count, options.width, options.shift, ComparisonOutput::select));
  }
}

Conversation nonnegative(Party& party, ReluOptions options, std::span<const Ring> x,
                         std::span<std::uint64_t> bits) {
  check(options);
  require(options.shift == 0, "comparison: a shift of {} does not change a sign", options.shift);
  require(bits.size() == bit_words(x.size()), "comparison: {} words for {} bits", bits.size(),
          x.size());
  if (options.method == ReluMethod::a2b)
    co_await nonnegative_by_a2b(party, x, bits);
  else if (options.method == ReluMethod::carry)
    co_await nonnegative_by_carry(party, options.width, x, bits);
  else
    co_await nonnegative_by_dcf(party, options.width, x, bits);
}

Cost predict_nonnegative(const ReluOptions& options, std::size_t count) {
  check(options);
  if (options.method == ReluMethod::a2b) return predict_arithmetic_to_binary(count);
  if (options.method == ReluMethod::carry)
    return predict_nonnegative_by_carry(options.width, count);
  return exchange_cost(ring_bytes(count));
}

void demand_nonnegative(Demand& demand, const ReluOptions& options, std::size_t count) {
  check(options);
  if (options.method == ReluMethod::a2b) return demand_arithmetic_to_binary(demand, count);
  if (options.method == ReluMethod::carry)
    return demand_nonnegative_by_carry(demand, options.width, count);
  demand.add(Comparisons::request(count, options.width, 0, ComparisonOutput::bit));
}

}  // namespace hush::mpc
