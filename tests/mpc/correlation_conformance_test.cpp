#include "tests/mpc/correlation_conformance.h"

#include <cmath>

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "mpc/dcf/dcf.h"
#include "mpc/offline/carry_group.h"
#include "mpc/offline/correlations.h"

namespace hush::mpc::test {
namespace {

using Pieces = std::array<CorrelationShare, 2>;

std::vector<Ring> sum(const SecretWords& a, const SecretWords& b) {
  std::vector<Ring> result(std::max(a.size(), b.size()));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = (a.size() == 0 ? 0 : a[i]) + (b.size() == 0 ? 0 : b[i]);
  return result;
}
std::vector<Ring> exclusive_sum(const SecretWords& a, const SecretWords& b) {
  EXPECT_EQ(a.size(), b.size());
  std::vector<Ring> result(a.begin(), a.end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] ^= b[i];
  return result;
}

// Masks must be uniform: every bit of the sum, and of each part, is set about half of the time.
void expect_uniform(const std::vector<Ring>& words) {
  if (words.size() < 1000) return;
  for (unsigned bit = 0; bit < 64; ++bit) {
    std::size_t ones = 0;
    for (const Ring word : words) ones += word >> bit & 1;
    EXPECT_NEAR(double(ones), double(words.size()) / 2, 3 * std::sqrt(double(words.size())))
        << "bit " << bit;
  }
}

constexpr std::size_t kCounts[] = {1, 63, 64, 65, 2000};

TEST_P(CorrelationConformance, SquarePairs) {
  for (const std::size_t n : kCounts) {
    auto pieces = provide(SquarePairs::request(n));
    const SquarePairs p0(std::move(pieces[0]));
    const SquarePairs p1(std::move(pieces[1]));
    const auto a = sum(p0.a, p1.a);
    const auto squares = sum(p0.a_squared, p1.a_squared);
    ASSERT_EQ(a.size(), n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(squares[i], a[i] * a[i]);
    expect_uniform(a);
    expect_uniform({p0.a_squared.begin(), p0.a_squared.end()});
    expect_uniform({p1.a_squared.begin(), p1.a_squared.end()});
  }
}

TEST_P(CorrelationConformance, ElementwiseProduct) {
  const Shape shape{2000};
  auto pieces = provide(Product::request(std::make_shared<Multiply>(), shape, shape));
  const Product p0(std::move(pieces[0]));
  const Product p1(std::move(pieces[1]));
  const auto a = sum(p0.a, p1.a);
  const auto b = sum(p0.b, p1.b);
  const auto c = sum(p0.c, p1.c);
  ASSERT_EQ(c.size(), 2000u);
  for (std::size_t i = 0; i < c.size(); ++i) ASSERT_EQ(c[i], a[i] * b[i]);
  expect_uniform(a);
  expect_uniform(b);
}

// x [rows, inner] times w [inner, columns].
std::vector<Ring> matrix_product(const std::vector<Ring>& x, const std::vector<Ring>& w,
                                 std::size_t inner, std::size_t columns) {
  std::vector<Ring> y(x.size() / inner * columns);
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t k = 0; k < inner; ++k)
      y[i] += x[i / columns * inner + k] * w[k * columns + i % columns];
  return y;
}

TEST_P(CorrelationConformance, MatrixProduct) {
  auto pieces = provide(Product::request(std::make_shared<Linear>(false), {3, 5}, {5, 7}));
  const Product p0(std::move(pieces[0]));
  const Product p1(std::move(pieces[1]));
  EXPECT_EQ(sum(p0.c, p1.c), matrix_product(sum(p0.a, p1.a), sum(p0.b, p1.b), 5, 7));
}

TEST_P(CorrelationConformance, ConvolutionProduct) {
  const auto op = std::make_shared<Conv2d>(ConvOptions{.stride = 2, .padding = 1});
  auto pieces = provide(Product::request(op, {1, 4, 4, 2}, {3, 3, 2, 3}));
  const Product p0(std::move(pieces[0]));
  const Product p1(std::move(pieces[1]));
  const auto a = sum(p0.a, p1.a);
  const auto b = sum(p0.b, p1.b);
  const auto c = sum(p0.c, p1.c);
  ASSERT_EQ(c.size(), 2u * 2 * 3);
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 2; ++x)
      for (int k = 0; k < 3; ++k) {
        Ring expected = 0;
        for (int dy = 0; dy < 3; ++dy)
          for (int dx = 0; dx < 3; ++dx)
            for (int ch = 0; ch < 2; ++ch) {
              const int row = 2 * y + dy - 1;
              const int column = 2 * x + dx - 1;
              if (row < 0 || row >= 4 || column < 0 || column >= 4) continue;
              expected += a[std::size_t((row * 4 + column) * 2 + ch)] *
                          b[std::size_t(((dy * 3 + dx) * 2 + ch) * 3 + k)];
            }
        EXPECT_EQ(c[std::size_t((y * 2 + x) * 3 + k)], expected);
      }
}

// One weight mask, fresh inputs each time.
TEST_P(CorrelationConformance, ProductsOfOneWeightMask) {
  for (const Ownership ownership : {Ownership::shared, Ownership::party0_weights}) {
    const auto op = std::make_shared<Linear>(false);
    Demand demand;
    demand.add(WeightMask::request({5, 7}, 42, ownership));
    for (int query = 0; query < 3; ++query)
      demand.add(Product::request(op, {3, 5}, {5, 7}, 42, ownership));
    auto pieces = provide_all(demand);
    const WeightMask mask0(std::move(pieces[0][0]));
    const WeightMask mask1(std::move(pieces[0][1]));
    const auto b = sum(mask0.b, mask1.b);
    std::vector<Ring> last;
    for (std::size_t query = 1; query < pieces.size(); ++query) {
      const Product p0(std::move(pieces[query][0]));
      const Product p1(std::move(pieces[query][1]));
      const auto a = sum(p0.a, p1.a);
      EXPECT_EQ(sum(p0.c, p1.c), matrix_product(a, b, 5, 7));
      EXPECT_NE(a, last) << "an input mask came twice";
      last = a;
      if (ownership == Ownership::shared) continue;
      EXPECT_EQ(mask1.b.size(), 0u) << "party 1 must not know the weights' mask";
      EXPECT_EQ(p0.a.size(), 0u) << "party 0 must not know the input's mask";
    }
  }
}

TEST_P(CorrelationConformance, CrossAnds) {
  for (const std::size_t n : kCounts) {
    auto pieces = provide(CrossAnds::request(n));
    const CrossAnds p0(std::move(pieces[0]));
    const CrossAnds p1(std::move(pieces[1]));
    const auto c = exclusive_sum(p0.c, p1.c);
    ASSERT_EQ(c.size(), n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(c[i], p0.own[i] & p1.own[i]);
    expect_uniform({p0.own.begin(), p0.own.end()});
    expect_uniform({p1.c.begin(), p1.c.end()});
  }
}

TEST_P(CorrelationConformance, AndTriples) {
  for (const std::size_t n : kCounts) {
    auto pieces = provide(AndTriples::request(n));
    const AndTriples p0(std::move(pieces[0]));
    const AndTriples p1(std::move(pieces[1]));
    const auto a = exclusive_sum(p0.a, p1.a);
    const auto b = exclusive_sum(p0.b, p1.b);
    const auto c = exclusive_sum(p0.c, p1.c);
    ASSERT_EQ(c.size(), n);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(c[i], a[i] & b[i]);
    expect_uniform(a);
    expect_uniform(b);
  }
}

TEST_P(CorrelationConformance, CarryGroups) {
  for (const unsigned arity : {2u, 3u, 4u})
    for (const bool propagate : {false, true}) {
      auto pieces = provide(CarryGroups::request(100, arity, propagate));
      const CarryGroups p0(std::move(pieces[0]));
      const CarryGroups p1(std::move(pieces[1]));
      const CarryGroupTerms terms = carry_group_terms(arity, propagate);
      ASSERT_EQ(p0.masks_and_products.size(), terms.inputs.size() + terms.products.size());
      std::vector<std::vector<Ring>> fields;
      for (std::size_t f = 0; f < p0.masks_and_products.size(); ++f)
        fields.push_back(exclusive_sum(p0.masks_and_products[f], p1.masks_and_products[f]));
      for (std::size_t s = 0; s < terms.products.size(); ++s)
        for (std::size_t i = 0; i < 100; ++i) {
          Ring expected = ~Ring{0};
          for (std::size_t m = 0; m < terms.inputs.size(); ++m)
            if ((terms.inputs[m] & terms.products[s]) != 0) expected &= fields[m][i];
          ASSERT_EQ(fields[terms.inputs.size() + s][i], expected);
        }
    }
}

// Bits in both worlds.
void expect_bits(const SecretWords& bits0, const SecretWords& bits1, const SecretWords& value0,
                 const SecretWords& value1) {
  const auto bits = exclusive_sum(bits0, bits1);
  const auto values = sum(value0, value1);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], bit_at(bits, i));
}

TEST_P(CorrelationConformance, BitPairs) {
  for (const std::size_t n : kCounts) {
    auto pieces = provide(BitPairs::request(n));
    const BitPairs p0(std::move(pieces[0]));
    const BitPairs p1(std::move(pieces[1]));
    ASSERT_EQ(p0.value.size(), n);
    expect_bits(p0.bits, p1.bits, p0.value, p1.value);
    expect_uniform({p0.bits.begin(), p0.bits.end()});
  }
}

// Of anything with the fields r, r_high, r_sign.
template <class T>
void expect_truncation(const T& p0, const T& p1, unsigned shift) {
  const auto r = sum(p0.r, p1.r);
  const auto high = sum(p0.r_high, p1.r_high);
  const auto sign = sum(p0.r_sign, p1.r_sign);
  ASSERT_EQ(high.size(), r.size());
  for (std::size_t i = 0; i < r.size(); ++i) {
    ASSERT_EQ(high[i], r[i] >> shift);
    ASSERT_EQ(sign[i], r[i] >> 63);
  }
  expect_uniform(r);
}

// Of anything with the fields of a selection.
template <class T>
void expect_selection(const T& p0, const T& p1, unsigned shift) {
  if (shift != 0) expect_truncation(p0, p1, shift);
  expect_bits(p0.bits, p1.bits, p0.value, p1.value);
  const auto bits = exclusive_sum(p0.bits, p1.bits);
  const auto r = sum(p0.r, p1.r);
  const auto value_r = sum(p0.value_r, p1.value_r);
  const auto value_sign = sum(p0.value_sign, p1.value_sign);
  for (std::size_t i = 0; i < r.size(); ++i) {
    ASSERT_EQ(value_r[i], bit_at(bits, i) * (r[i] >> shift));
    if (shift != 0) {
      ASSERT_EQ(value_sign[i], bit_at(bits, i) * (r[i] >> 63));
    }
  }
}

TEST_P(CorrelationConformance, Selections) {
  for (const unsigned shift : {0u, 1u, 16u, 40u})
    for (const std::size_t n : kCounts) {
      auto pieces = provide(Selections::request(n, shift));
      const Selections p0(std::move(pieces[0]), shift);
      const Selections p1(std::move(pieces[1]), shift);
      ASSERT_EQ(p0.r.size(), n);
      expect_selection(p0, p1, shift);
    }
}

TEST_P(CorrelationConformance, Truncations) {
  for (const unsigned shift : {1u, 16u, 32u, 61u}) {
    auto pieces = provide(Truncations::request(2000, shift));
    expect_truncation(Truncations(std::move(pieces[0])), Truncations(std::move(pieces[1])), shift);
  }
}

TEST_P(CorrelationConformance, TruncatedSquares) {
  for (const unsigned shift : {1u, 16u, 40u}) {
    auto pieces = provide(TruncatedSquares::request(2000, shift));
    const TruncatedSquares p0(std::move(pieces[0]));
    const TruncatedSquares p1(std::move(pieces[1]));
    expect_truncation(p0, p1, shift);
    const auto high = sum(p0.r_high, p1.r_high);
    const auto sign = sum(p0.r_sign, p1.r_sign);
    const auto square = sum(p0.square, p1.square);
    const auto cross = sum(p0.cross, p1.cross);
    for (std::size_t i = 0; i < high.size(); ++i) {
      ASSERT_EQ(square[i], high[i] * high[i]);
      ASSERT_EQ(cross[i], high[i] * sign[i]);
    }
  }
}

DcfBatch batch_of(const CorrelationRequest& request, const Comparisons& keys) {
  const auto* blocks = reinterpret_cast<const Block*>(keys.corrections.data());
  return {{request.width - 1, comparison_lanes(request) / 2},
          request.count,
          {keys.hash_key[0], keys.hash_key[1]},
          {blocks, keys.corrections.size() / 2}};
}
std::span<const Block> roots_of(const Comparisons& keys) {
  return {reinterpret_cast<const Block*>(keys.roots.data()), keys.roots.size() / 2};
}

// At random points and at those next to α.
std::vector<std::vector<Ring>> points_near(const std::vector<Ring>& r) {
  std::vector<Ring> random(r.size());
  Generator generator = Generator::deterministic_for_tests(1);
  generator.fill(std::span(random));
  std::vector<std::vector<Ring>> points = {random};
  for (const Ring distance : {Ring{0}, Ring{1}, ~Ring{0}}) {
    points.push_back(r);
    for (Ring& point : points.back()) point += distance;
  }
  return points;
}

// With a shift the truncated numbers are compared.
std::vector<Ring> compared(const CorrelationRequest& request, std::vector<Ring> r) {
  for (Ring& word : r) word >>= request.shift;
  return r;
}

void expect_comparison_bits(const CorrelationRequest& request, const Comparisons& p0,
                            const Comparisons& p1) {
  const auto r = compared(request, sum(p0.r, p1.r));
  const auto k = exclusive_sum(p0.k_bits, p1.k_bits);
  const Ring low = (Ring{1} << (request.width - 1)) - 1;
  for (std::size_t i = 0; i < r.size(); ++i)
    ASSERT_EQ(bit_at(k, i), 1 ^ (r[i] >> (request.width - 1) & 1));
  for (const auto& points : points_near(r)) {
    std::vector<std::uint64_t> bits0(bit_words(r.size()));
    std::vector<std::uint64_t> bits1(bit_words(r.size()));
    dcf_evaluate_bits(batch_of(request, p0), 0, roots_of(p0), points, bits0);
    dcf_evaluate_bits(batch_of(request, p1), 1, roots_of(p1), points, bits1);
    for (std::size_t i = 0; i < r.size(); ++i)
      ASSERT_EQ(bit_at(bits0, i) ^ bit_at(bits1, i), Ring{(points[i] & low) < (r[i] & low)});
  }
}

void expect_comparison_products(const CorrelationRequest& request, const Comparisons& p0,
                                const Comparisons& p1) {
  const unsigned lanes = comparison_lanes(request);
  const auto whole_r = sum(p0.r, p1.r);
  const auto r = compared(request, whole_r);
  const auto offsets = sum(p0.offsets, p1.offsets);
  const Ring low = (Ring{1} << (request.width - 1)) - 1;
  for (const auto& points : points_near(r)) {
    std::vector<Ring> values0(lanes * r.size());
    std::vector<Ring> values1(lanes * r.size());
    dcf_evaluate_values(batch_of(request, p0), 0, roots_of(p0), points, values0);
    dcf_evaluate_values(batch_of(request, p1), 1, roots_of(p1), points, values1);
    for (std::size_t i = 0; i < r.size(); ++i) {
      const Ring k = 1 ^ (r[i] >> (request.width - 1) & 1);
      const Ring c = k ^ Ring { (points[i] & low) < (r[i] & low) };
      const Ring expected[] = {c, c * r[i], c * (whole_r[i] >> 63), 0};
      for (unsigned lane = 0; lane < lanes; ++lane) {
        const std::size_t at = lanes * i + lane;
        ASSERT_EQ(offsets[at] + values0[at] + values1[at], expected[lane]) << "lane " << lane;
      }
    }
  }
}

TEST_P(ComparisonConformance, Comparisons) {
  for (const unsigned width : {64u, 32u})
    for (const unsigned shift : {0u, 16u})
      for (const ComparisonOutput output :
           {ComparisonOutput::bit, ComparisonOutput::select, ComparisonOutput::product}) {
        const auto request = Comparisons::request(200, width, shift, output);
        auto pieces = provide(request);
        const Comparisons p0(std::move(pieces[0]), request);
        const Comparisons p1(std::move(pieces[1]), request);
        if (shift != 0) expect_truncation(p0, p1, shift);
        if (output == ComparisonOutput::product) {
          expect_comparison_products(request, p0, p1);
          continue;
        }
        expect_comparison_bits(request, p0, p1);
        if (output == ComparisonOutput::select) expect_selection(p0, p1, shift);
      }
}

}  // namespace
}  // namespace hush::mpc::test
