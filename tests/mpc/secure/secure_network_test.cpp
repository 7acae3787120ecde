// The plan of a network: rounds, bytes, digests, and what is refused. Nothing here runs a protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/pool.h"
#include "mpc/secure/latency.h"
#include "tests/mpc/secure/networks.h"

namespace hush::mpc::test {
namespace {

const Shape kCifar = {1, 32, 32, 3};

SecureOptions with(ReluMethod relu, WeightMode weights = WeightMode::shared) {
  SecureOptions options;
  options.relu = relu;
  options.weights = weights;
  return options;
}

// ResNet-18 of which 12,900 of 491,520 ReLUs are left in every layer alike; no statistics are
// needed for a plan.
Graph resnet18_of_the_paper() {
  const Graph graph = nn::replace_relus(nn::make_model("resnet18", 10, kCifar, 1), false);
  const auto layers = nn::gated_layers(graph);
  std::vector<float*> gates;
  for (const nn::GatedLayer& layer : layers)
    for (float& gate : graph[layer.gate].value.values<float>()) gates.push_back(&gate);
  std::mt19937_64 random(1);
  std::shuffle(gates.begin(), gates.end(), random);
  for (std::size_t i = 0; i < gates.size(); ++i) *gates[i] = i < 12'900 ? 1.0f : 0.0f;
  nn::refresh_coefficients(graph, layers, {});
  return graph;
}

TEST(SecureNetwork, ResNet18MeetsItsRounds) {
  const Graph mixed = resnet18_of_the_paper();
  const Graph relus = nn::make_model("resnet18", 10, kCifar, 1);
  const std::pair<ReluMethod, std::uint64_t> bars[] = {
      {ReluMethod::dcf, 35}, {ReluMethod::dcf_select, 52}, {ReluMethod::carry, 103}};
  for (const Graph* graph : {&mixed, &relus})
    for (const auto& [relu, bar] : bars)
      EXPECT_LE(SecureNetwork(*graph, with(relu)).cost(1).rounds, bar) << name_of(relu);
  // An opening of E for each layer with weights, one of z for each activation, and no more.
  EXPECT_EQ(SecureNetwork(mixed, with(ReluMethod::dcf)).cost(1).rounds, 18u + 16u);
  EXPECT_EQ(SecureNetwork(mixed, with(ReluMethod::dcf, WeightMode::open)).cost(1).rounds, 16u);
}

TEST(SecureNetwork, ResNet18SendsEightBytesAnElement) {
  const Graph graph = resnet18_of_the_paper();
  const SecureNetwork network(graph, with(ReluMethod::dcf));
  EXPECT_EQ(network.counts().relus, 12'900);
  EXPECT_EQ(network.counts().polynomials, 491'520 - 12'900);
  EXPECT_EQ(network.counts().macs, graph.count().macs);
  std::int64_t opened = 491'520;  // activations
  for (const ProductStep* product : network.products()) opened += product->elements();
  const Cost cost = network.cost(1);
  EXPECT_EQ(cost.bytes_sent[0], std::uint64_t(8 * opened));
  EXPECT_EQ(cost.bytes_sent[1], cost.bytes_sent[0]);
  // A 1×1 shortcut of stride 2 opens a quarter of its input.
  EXPECT_LT(opened, 491'520 + 667'136);
  // Party 1 alone speaks of the inputs where party 0 owns the weights.
  const Cost owner = SecureNetwork(graph, with(ReluMethod::dcf, WeightMode::owner)).cost(1);
  EXPECT_EQ(owner.bytes_sent[0], 8u * 491'520);
  EXPECT_EQ(owner.bytes_sent[1], cost.bytes_sent[1]);
}

TEST(SecureNetwork, LatencyIsComputationAndCommunication) {
  const SecureNetwork network(nn::make_model("resnet8", 10, kCifar, 1), with(ReluMethod::dcf));
  const Cost cost = network.cost(2);
  const LatencyPrediction here = predict_latency(network, 2, std::nullopt);
  const LatencyPrediction far = predict_latency(network, 2, NetworkModel{0.04, 1e6});
  EXPECT_DOUBLE_EQ(here.compute, far.compute);
  EXPECT_NEAR(far.communication - here.communication,
              0.04 * double(cost.rounds) + double(cost.bytes_sent[0]) / 1e6, 1e-9);
  ComputeRates fast;
  fast.macs_per_second = 1e15;
  EXPECT_LT(predict_latency(network, 2, std::nullopt, fast).compute, here.compute);
}

TEST(SecureNetwork, AShortcutOpensWithTheMainConvolution) {
  const SecureNetwork network(nn::make_model("resnet18", 10, kCifar, 1), with(ReluMethod::dcf));
  int shared = 0;
  for (const Wave& wave : network.waves()) shared += wave.interactive.size() == 2 ? 1 : 0;
  EXPECT_EQ(shared, 3);
}

TEST(SecureNetwork, DigestsTellPlansApart) {
  const Graph graph = resnet18_of_the_paper();
  const SecureNetwork network(graph, with(ReluMethod::dcf));
  EXPECT_EQ(network.digest(), SecureNetwork(graph, with(ReluMethod::dcf)).digest());
  EXPECT_NE(network.digest(), SecureNetwork(graph, with(ReluMethod::carry)).digest());
  SecureOptions wider = with(ReluMethod::dcf);
  wider.range_bits = 13;
  EXPECT_NE(network.digest(), SecureNetwork(graph, wider).digest());
  // One gate, one coefficient.
  const nn::GatedLayer layer = nn::gated_layers(graph).back();
  float& gate = graph[layer.gate].value.values<float>()[0];
  gate = 1 - gate;
  EXPECT_NE(network.digest(), SecureNetwork(graph, with(ReluMethod::dcf)).digest());
  gate = 1 - gate;
  float& coefficient = graph[layer.coefficients].value.values<float>()[0];
  const float old = std::exchange(coefficient, 0.25f);
  EXPECT_NE(network.digest(), SecureNetwork(graph, with(ReluMethod::dcf)).digest());
  coefficient = old;
  // Weights are no part of it: who has no weights has the same plan.
  graph[graph.find("fc.weight")].value.values<float>()[0] += 1;
  EXPECT_EQ(network.digest(), SecureNetwork(graph, with(ReluMethod::dcf)).digest());
}

void expect_refused(const Graph& graph, const SecureOptions& options, const std::string& part) {
  try {
    const SecureNetwork network(graph, options);
    FAIL() << "no error; expected one with: " << part;
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

TEST(SecureNetwork, RefusesWhatItCannotDo) {
  // A division by nine that no weights can take over.
  Graph pooled;
  const NodeId input = pooled.add_input("images", {1, 6, 6, 3});
  const NodeId mean =
      pooled.add("pool", std::make_shared<Pool>(PoolOptions{PoolKind::average, 3, 3, 0}), {input});
  pooled.set_output(pooled.add("act", std::make_shared<Map>(Unary::relu), {mean}));
  expect_refused(pooled, {}, "act follows an average");

  const Graph half = nn::replace_relus(nn::make_model("resnet8", 10, kCifar, 1), false);
  half[nn::gated_layers(half)[0].gate].value.values<float>()[5] = 0.5f;
  expect_refused(half, {}, "is 0.5, not 0 or 1");

  SecureOptions options;
  options.range_bits = 3;
  expect_refused(half, options, "range bits");
  options = {};
  options.square_bits = 20;
  expect_refused(half, options, "leave no room");
}

TEST(SecureModel, RefusesTheWrongOrderAndShapes) {
  const SecureNetwork network(nn::make_model("resnet8", 10, {1, 8, 8, 3}, 1),
                              with(ReluMethod::carry, WeightMode::open));
  run_dealt({}, [&](Party& party) {
    SecureModel model(network);
    EXPECT_THROW(model.prepare(party.source(), 1), ArgumentError) << "before set_up";
    EXPECT_THROW(converse(party, model.set_up(party, {})), ArgumentError) << "no weights";
    converse(party, model.set_up(party, network.weights()));
    EXPECT_THROW(model.prepare(party.source(), 0), ArgumentError);
    const Share images{Tensor::zeros({2, 8, 8, 3}, DType::ring64)};
    const Share logits{Tensor::zeros({1, 10}, DType::ring64)};
    PreparedQuery query = model.prepare(party.source(), 1);
    EXPECT_THROW(converse(party, model.infer(party, std::move(query), images, logits)),
                 ArgumentError)
        << "prepared for one image";
  });
}

}  // namespace
}  // namespace hush::mpc::test
