// Indicators: Eq. 7, 8 and 10 of AutoReP on cases computed by hand, the projection, and the
// gradient of the relaxed loss against finite differences.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/autograd.h"
#include "core/passes.h"
#include "nn/models.h"
#include "nn/replacement_indicators.h"
#include "nn/replacement_methods.h"
#include "tests/nn/memory_source.h"

namespace hush::nn {
namespace {

Graph small_network() {
  return replace_relus(make_model("resnet8", 3, {1, 8, 8, 1}, 1), false);
}

TEST(Hysteresis, Equation10) {
  struct Case {
    float indicator, auxiliary, expected;
  };
  // t_h = 0.003: an open gate closes at or below -0.003, a closed one opens above 0.003.
  for (const auto& [indicator, auxiliary, expected] :
       {Case{1, 0.5f, 1}, Case{1, 0, 1}, Case{1, -0.002f, 1}, Case{1, -0.003f, 0},
        Case{1, -0.1f, 0}, Case{0, -0.1f, 0}, Case{0, 0, 0}, Case{0, 0.002f, 0}, Case{0, 0.003f, 0},
        Case{0, 0.004f, 1}})
    EXPECT_EQ(hysteresis(indicator, auxiliary, 0.003f), expected) << indicator << " " << auxiliary;
}

TEST(Hysteresis, WithoutThresholdIsTheSign) {
  for (const float indicator : {0.0f, 1.0f}) {
    EXPECT_EQ(hysteresis(indicator, 1e-6f, 0), 1);
    EXPECT_EQ(hysteresis(indicator, 0, 0), 0);
    EXPECT_EQ(hysteresis(indicator, -1e-6f, 0), 0);
  }
}

TEST(IndicatorSlope, IsSoftplus) {
  EXPECT_FLOAT_EQ(indicator_slope(0), std::log(2.0f));
  EXPECT_FLOAT_EQ(indicator_slope(1), 1.3132616875f);
  EXPECT_FLOAT_EQ(indicator_slope(-2), 0.1269280110f);
  EXPECT_EQ(indicator_slope(200), 200);  // no overflow
  EXPECT_GE(indicator_slope(-200), 0);
}

class IndicatorsTest : public testing::Test {
 protected:
  Graph graph = small_network();
  std::vector<GatedLayer> layers = gated_layers(graph);
  Indicators indicators{graph, layers, 7};

  void set_auxiliary(float value) {
    for (const NamedTensor& a : indicators.auxiliary())
      for (float& x : a.value.values<float>()) x = value;
  }
  std::vector<Tensor> constant_gradients(float value) const {
    std::vector<Tensor> result;
    for (const Tensor& gate : indicators.gates())
      result.push_back(Tensor::full(gate.shape(), value));
    return result;
  }
};

TEST_F(IndicatorsTest, BeginOpenWithParametersInsideTheUnitInterval) {
  EXPECT_EQ(indicators.open(), indicators.total());
  EXPECT_EQ(indicators.total(), make_model("resnet8", 3, {1, 8, 8, 1}, 1).count().relus);
  double sum = 0;
  for (const NamedTensor& a : indicators.auxiliary())
    for (const float x : a.value.values<float>()) {
      EXPECT_GT(x, 0);
      EXPECT_LT(x, 1);
      sum += double(x);
    }
  EXPECT_NEAR(sum / double(indicators.total()), 0.5, 0.02);
}

TEST_F(IndicatorsTest, GradientIsEquation7PlusEquation8) {
  set_auxiliary(1);
  // (0.25 + 0.5) log(1 + e)
  const std::vector<Tensor> above = indicators.gradients(constant_gradients(0.25f), 0.5);
  EXPECT_FLOAT_EQ(above[0].values<float>()[3], 0.75f * 1.3132616875f);
  // Within the budget only Eq. 7 is left.
  const std::vector<Tensor> within = indicators.gradients(constant_gradients(0.25f), 0);
  EXPECT_FLOAT_EQ(within.back().values<float>()[0], 0.25f * 1.3132616875f);
}

TEST_F(IndicatorsTest, FollowCountsFlipsAndPublishes) {
  set_auxiliary(-0.5f);
  EXPECT_EQ(indicators.follow(0.003f), indicators.total());
  EXPECT_EQ(indicators.open(), 0);
  EXPECT_EQ(indicators.follow(0.003f), 0);
  indicators.publish();
  EXPECT_EQ(graph.count().relus, 0);
}

TEST_F(IndicatorsTest, ProjectionKeepsTheMostValuable) {
  indicators.project(100);
  EXPECT_EQ(indicators.open(), 100);
  float least_open = 1, most_closed = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (std::size_t i = 0; i < indicators.gates()[layer].values<float>().size(); ++i) {
      const float worth = indicators.auxiliary()[layer].value.values<float>()[i];
      if (indicators.gates()[layer].values<float>()[i] != 0)
        least_open = std::min(least_open, worth);
      else
        most_closed = std::max(most_closed, worth);
    }
  EXPECT_GE(least_open, most_closed);
  EXPECT_EQ(indicators.project(150), 50);  // fills the budget up again
  EXPECT_EQ(indicators.open(), 150);
  EXPECT_THROW(indicators.project(indicators.total() + 1), ArgumentError);
  EXPECT_THROW(indicators.project(-1), ArgumentError);
}

TEST_F(IndicatorsTest, ProjectionWithTiesIsExact) {
  set_auxiliary(0.5f);
  indicators.project(37);
  EXPECT_EQ(indicators.open(), 37);
}

// With a gate relaxed to any value in [0, 1] the loss is differentiable in it; what backward
// returns must be that derivative, summed over the batch.
TEST(IndicatorGradient, AgreesWithFiniteDifferencesOfTheRelaxedLoss) {
  const Graph graph = small_network();
  const std::vector<GatedLayer> layers = gated_layers(graph);
  RandomStream random(3, RandomUse::test);
  for (const GatedLayer& layer : layers) {
    for (float& m : graph[layer.gate].value.values<float>()) m = random.uniform();
    fill_coefficients(PolynomialKind::dapa2, graph[layer.mean].value, graph[layer.variance].value,
                      {}, graph[layer.coefficients].value);
  }
  const LossGraph loss = with_loss(fuse_for_training(graph), 0);
  MemorySource source = make_task(8, 8, 5);
  source.start_epoch(0, 0);
  const Batch batch = *source.next();
  const std::array inputs{batch.images, batch.labels};
  TrainingPass pass(loss.graph, {.training = true});
  pass.forward(inputs);
  std::vector<NodeId> gates;
  for (const GatedLayer& layer : layers) gates.push_back(loss.graph.find(graph[layer.gate].name));
  const std::vector<Tensor> gradients = pass.backward(gates);

  const auto loss_now = [&] {
    TrainingPass forward(loss.graph, {.training = true});
    return double(forward.forward(inputs).values<float>()[0]);
  };
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    // Along a random direction over the whole map: single gates move a float loss too little.
    const auto values = graph[layers[layer].gate].value.values<float>();
    const auto gradient = gradients[std::size_t(gates[layer])].values<float>();
    const std::vector<float> here(values.begin(), values.end());
    std::vector<float> direction;
    double predicted = 0;
    for (std::size_t i = 0; i < here.size(); ++i) {
      direction.push_back(gradient[i] > 0 ? 1.0f : -1.0f);
      predicted += double(gradient[i]) * double(direction[i]);
    }
    const float step = 2e-3f;
    const auto moved = [&](float by) {
      for (std::size_t i = 0; i < here.size(); ++i) values[i] = here[i] + by * direction[i];
      return loss_now();
    };
    const double measured = (moved(step) - moved(-step)) / (2 * double(step));
    moved(0);
    EXPECT_NEAR(measured, predicted, 0.02 * std::abs(predicted) + 1e-3) << layers[layer].name;
    EXPECT_GT(std::abs(predicted), 1e-3) << "nothing was tested";
  }
}

TEST(MaskMethods, AllComeDownToTheTarget) {
  for (const std::string& name : method_names()) {
    const Graph graph = small_network();
    const std::vector<GatedLayer> layers = gated_layers(graph);
    Indicators indicators(graph, layers, 3);
    const auto method =
        make_method({.method = parse_method(name), .candidates = 2, .seed = 5}, indicators);
    std::vector<Tensor> d_gates;
    for (const Tensor& gate : indicators.gates())
      d_gates.push_back(Tensor::full(gate.shape(), 1e-6f));
    double calls = 0;
    for (std::int64_t step = 0; step < 300; ++step)
      method->step({.d_gates = d_gates,
                    .target = 200,
                    .at_budget = true,
                    .learning_rate = 0.01,
                    .step = step,
                    .loss = [&] { return calls += 1; }});
    EXPECT_LE(indicators.open(), 210) << name;
    EXPECT_EQ(calls > 0, name == "bcd");
  }
}

TEST(MaskMethods, BlockDescentTakesTheCheapestBlock) {
  const Graph graph = small_network();
  const std::vector<GatedLayer> layers = gated_layers(graph);
  Indicators indicators(graph, layers, 3);
  const auto method =
      make_method({.method = ReplacementMethod::bcd, .candidates = 4, .seed = 5}, indicators);
  std::vector<std::vector<float>> tried;
  const auto first_layer = [&] {
    const auto gate = indicators.gates()[0].values<float>();
    return std::vector<float>(gate.begin(), gate.end());
  };
  constexpr std::array kLosses{3.0, 1.0, 2.0, 4.0};
  method->step({.d_gates = {},
                .target = indicators.total() / 2,
                .at_budget = false,
                .learning_rate = 0,
                .step = 0,
                .loss = [&] {
                  tried.push_back(first_layer());
                  return kLosses.at(tried.size() - 1);
                }});
  ASSERT_EQ(tried.size(), 4u);
  EXPECT_EQ(first_layer(), tried[1]);
  EXPECT_NE(tried[0], tried[1]);
  EXPECT_EQ(indicators.open(), indicators.total() / 2);
}

TEST(MaskMethods, NamesAreReadBack) {
  for (const std::string& name : method_names()) EXPECT_EQ(name_of(parse_method(name)), name);
  EXPECT_THROW(parse_method("greedy"), ArgumentError);
}

}  // namespace
}  // namespace hush::nn
