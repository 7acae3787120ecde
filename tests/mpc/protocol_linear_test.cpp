// Products under bilinear ops and layers with fixed weights, against the op on plain ring tensors.
#include <gtest/gtest.h>

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "mpc/online/product.h"
#include "mpc/online/ring_tensor.h"
#include "mpc/online/weight_layer.h"
#include "tests/mpc/two_party.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc::test {
namespace {

struct Case {
  const char* name;
  std::shared_ptr<const Op> op;
  Shape x, w;

  Shape y() const {
    const Shape operands[] = {x, w};
    return op->output_shape(operands);
  }
};

std::vector<Case> cases() {
  return {
      {"multiply", std::make_shared<Multiply>(), {3, 50}, {3, 50}},
      {"linear", std::make_shared<Linear>(false), {5, 33}, {33, 10}},
      {"convolution",
       std::make_shared<Conv2d>(ConvOptions{.stride = 1, .padding = 1}),
       {2, 8, 8, 5},
       {3, 3, 5, 7}},
      {"strided",
       std::make_shared<Conv2d>(ConvOptions{.stride = 2, .padding = 0}),
       {1, 7, 7, 4},
       {1, 1, 4, 6}},
      {"depthwise",
       std::make_shared<Conv2d>(ConvOptions{.stride = 1, .padding = 1, .groups = 6}),
       {1, 5, 5, 6},
       {3, 3, 1, 6}},
  };
}

Tensor random_tensor(const Shape& shape, std::uint64_t label) {
  Tensor tensor = Tensor::empty(shape, DType::ring64);
  Generator generator = Generator::deterministic_for_tests(label);
  generator.fill(tensor.values<Ring>());
  return tensor;
}

std::array<Share, 2> shared(const Tensor& secret, std::uint64_t label) {
  Generator generator = Generator::deterministic_for_tests(label);
  return share(secret, generator);
}

void expect_equal(const Tensor& got, const Tensor& expected) {
  ASSERT_EQ(got.shape(), expected.shape());
  for (std::size_t i = 0; i < std::size_t(got.elements()); ++i)
    ASSERT_EQ(got.values<Ring>()[i], expected.values<Ring>()[i]) << "element " << i;
}

std::array<Share, 2> empty_shares(const Shape& shape) {
  return {Share{Tensor::empty(shape, DType::ring64)}, Share{Tensor::empty(shape, DType::ring64)}};
}

const Share& own(const std::array<Share, 2>& shares, const Party& party) {
  return shares[std::size_t(party.id())];
}

TEST(Product, EqualsTheOpOnPlainTensors) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Tensor x = random_tensor(c.x, 1);
    const Tensor w = random_tensor(c.w, 2);
    const auto x_shares = shared(x, 3);
    const auto w_shares = shared(w, 4);
    const auto z = empty_shares(c.y());
    Demand demand;
    demand_product(demand, c.op, c.x, c.w);
    const auto results = run_dealt(demand, [&](Party& party) {
      converse(party,
               product(party, c.op, own(x_shares, party), own(w_shares, party), own(z, party)));
    });
    expect_equal(reveal(z[0], z[1]), apply(*c.op, x, w));
    EXPECT_EQ(cost_of(results), predict_product(c.x, c.w));
  }
}

// One set-up, several queries: each exact, each opening its input alone, under fresh masks.
void check_layer(const Case& c, Ownership ownership, bool scaled = false) {
  constexpr int kQueries = 3;
  const std::int64_t rows = c.x[0];
  const Tensor w = random_tensor(c.w, 2);
  const auto w_shares = shared(w, 4);
  Sources sources;
  Dealer dealer(Generator::deterministic_for_tests(5));
  std::array<std::unique_ptr<WeightLayer>, 2> layers;
  for (auto& layer : layers)
    layer =
        std::make_unique<WeightLayer>(WeightLayerOptions{c.op, c.x, c.w, 77, ownership, scaled});
  Demand demand;
  layers[0]->demand_set_up(demand);
  for (int query = 0; query < kQueries; ++query) layers[0]->demand_run(demand, rows);
  deal_to(demand, dealer, sources);

  std::array<std::vector<PreparedInput>, 2> prepared;
  const auto set_up = run_parties(sources, [&](Party& party) {
    WeightLayer& layer = *layers[std::size_t(party.id())];
    Tensor weights = own(w_shares, party).part;
    if (ownership == Ownership::party0_weights) weights = party.first() ? w : Tensor();
    converse(party, layer.set_up(party, weights));
    for (int query = 0; query < kQueries; ++query)
      prepared[std::size_t(party.id())].push_back(layer.prepare(party.source(), rows));
  });
  EXPECT_EQ(cost_of(set_up), layers[0]->predict_set_up());

  const Tensor x = random_tensor(c.x, 100);
  const Tensor expected = apply(*c.op, x, w);
  for (Ring& word : expected.values<Ring>()) word <<= layers[0]->scale_bits();
  std::vector<Ring> last_sent;
  for (int query = 0; query < kQueries; ++query) {
    const auto x_shares = shared(x, 101);  // the very same shares again
    const auto y = empty_shares(c.y());
    const auto results = run_parties(sources, [&](Party& party) {
      const auto id = std::size_t(party.id());
      PreparedInput input = std::move(prepared[id][std::size_t(query)]);
      converse(party,
               layers[id]->run(party, std::move(input), own(x_shares, party), own(y, party)));
    });
    expect_equal(reveal(y[0], y[1]), expected);
    EXPECT_EQ(cost_of(results), layers[0]->predict_run(rows));
    EXPECT_NE(results[1].sent, last_sent) << "an input mask was used twice";
    last_sent = results[1].sent;
    if (ownership == Ownership::party0_weights) {
      EXPECT_TRUE(results[0].sent.empty()) << "party 0 has nothing to say";
    }
  }
  for (const MemorySource& source : sources) EXPECT_EQ(source.size(), 0u);
}

TEST(WeightLayer, SharedWeightsAreOpenedOnce) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    check_layer(c, Ownership::shared);
  }
}

TEST(WeightLayer, PlaintextWeightsNeedOneWayOnly) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    check_layer(c, Ownership::party0_weights);
  }
}

// Winograd's convolution where it pays, nothing else anywhere.
TEST(WeightLayer, MayScaleConvolutionsUp) {
  const Case fast{"fast",
                  std::make_shared<Conv2d>(ConvOptions{.stride = 1, .padding = 1}),
                  {1, 9, 8, 16},
                  {3, 3, 16, 32}};
  EXPECT_EQ(WeightLayer({fast.op, fast.x, fast.w, 1}).scale_bits(), 0u) << "not asked for";
  EXPECT_EQ(WeightLayer({fast.op, fast.x, fast.w, 1, Ownership::shared, true}).scale_bits(), 2u);
  check_layer(fast, Ownership::shared, true);
  check_layer(fast, Ownership::party0_weights, true);
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(WeightLayer({c.op, c.x, c.w, 1, Ownership::shared, true}).scale_bits(), 0u);
    check_layer(c, Ownership::shared, true);
  }
}

TEST(WeightLayer, OpeningsLookUniform) {
  const Case c{"linear", std::make_shared<Linear>(false), {100, 500}, {500, 100}};
  const Tensor w = Tensor::zeros(c.w, DType::ring64);
  const Tensor x = Tensor::zeros(c.x, DType::ring64);
  const auto w_shares = std::array<Share, 2>{Share{w}, Share{w}};
  const auto x_shares = std::array<Share, 2>{Share{x}, Share{x}};
  const auto y = empty_shares(c.y());
  Demand demand;
  const WeightLayerOptions options{c.op, c.x, c.w, 1, Ownership::shared};
  WeightLayer(options).demand_set_up(demand);
  WeightLayer(options).demand_run(demand, 100);
  const auto results = run_dealt(demand, [&](Party& party) {
    WeightLayer layer(options);
    converse(party, layer.set_up(party, own(w_shares, party).part));
    PreparedInput prepared = layer.prepare(party.source(), 100);
    converse(party, layer.run(party, std::move(prepared), own(x_shares, party), own(y, party)));
  });
  for (const PartyResult& result : results) expect_uniform_bytes(result.sent);
}

// Once set up it serves queries of any number of rows.
TEST(WeightLayer, TakesAnyNumberOfRows) {
  const WeightLayerOptions options{std::make_shared<Linear>(false), {1, 20}, {20, 6}, 1};
  const Tensor w = random_tensor(options.w, 2);
  const auto w_shares = shared(w, 4);
  Demand demand;
  WeightLayer(options).demand_set_up(demand);
  for (const std::int64_t rows : {3, 1}) WeightLayer(options).demand_run(demand, rows);
  std::array<std::array<Share, 2>, 2> x, y;
  const std::array<Tensor, 2> secrets = {random_tensor({3, 20}, 8), random_tensor({1, 20}, 9)};
  for (std::size_t i = 0; i < 2; ++i) {
    x[i] = shared(secrets[i], 10 + i);
    y[i] = empty_shares({secrets[i].shape()[0], 6});
  }
  run_dealt(demand, [&](Party& party) {
    WeightLayer layer(options);
    converse(party, layer.set_up(party, own(w_shares, party).part));
    PreparedInput three = layer.prepare(party.source(), 3);
    PreparedInput one = layer.prepare(party.source());
    converse(party, layer.run(party, std::move(three), own(x[0], party), own(y[0], party)),
             layer.run(party, std::move(one), own(x[1], party), own(y[1], party)));
  });
  for (std::size_t i = 0; i < 2; ++i)
    expect_equal(reveal(y[i][0], y[i][1]), apply(*options.op, secrets[i], w));
}

TEST(WeightLayer, RefusesWhatDoesNotFit) {
  const WeightLayerOptions options{std::make_shared<Linear>(false), {1, 2}, {2, 3}, 1};
  const auto x = empty_shares({1, 2});
  const auto y = empty_shares({1, 3});
  run_dealt({}, [&](Party& party) {
    WeightLayer layer(options);
    EXPECT_THROW(layer.prepare(party.source()), ArgumentError) << "before set_up";
    PreparedInput other({}, Tensor::zeros({5, 3}, DType::ring64));
    EXPECT_THROW(converse(party, layer.run(party, std::move(other), own(x, party), own(y, party))),
                 ArgumentError);
  });
  WeightLayerOptions unnamed = options;
  unnamed.mask = 0;
  EXPECT_THROW(WeightLayer{unnamed}, ArgumentError);
  WeightLayerOptions nonlinear = options;
  nonlinear.op = std::make_shared<Map>(Unary::relu);
  EXPECT_THROW(WeightLayer{nonlinear}, ArgumentError);
}

}  // namespace
}  // namespace hush::mpc::test
