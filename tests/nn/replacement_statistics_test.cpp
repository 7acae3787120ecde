// Statistics measured anew: what they are, that an image which runs away does not spoil them, and
// that fine-tuning trains what inference computes.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "nn/models.h"
#include "nn/replacement_statistics.h"
#include "tests/nn/memory_source.h"

namespace hush::nn {
namespace {

constexpr std::int64_t kBatches = 5, kBatch = 8;

// Batches of images that are all 1, 2, … kBatches; one pixel of the last batch is 1e6.
MemorySource steps(bool with_outlier) {
  const Tensor images = Tensor::empty({kBatches * kBatch, 8, 8, 1}, DType::float32);
  const Tensor labels = Tensor::zeros({kBatches * kBatch}, DType::int32);
  const auto pixels = images.values<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = float(1 + i / (64 * std::size_t(kBatch))) + (i % 2 == 0 ? 0.5f : -0.5f);
  if (with_outlier) pixels.back() = 1e6f;
  return {images, labels, kBatch};
}

// One activation right on the images: its statistics are those of the pixels.
Graph pixels_only() {
  Graph graph;
  const NodeId images = graph.add_input("images", {1, 8, 8, 1});
  graph.set_output(graph.add("relu", std::make_shared<Map>(Unary::relu), {images}));
  return replace_relus(graph, false);
}

double value_of(const Graph& graph, const std::string& leaf) {
  return double(graph[graph.find(leaf)].value.values<float>()[0]);
}

TEST(Calibration, TakesTheMedianOverBatches) {
  const Graph graph = pixels_only();
  MemorySource source = steps(false);
  calibrate(graph, source, kBatches);
  EXPECT_NEAR(value_of(graph, "relu.running_mean"), 3, 1e-5);
  EXPECT_NEAR(value_of(graph, "relu.running_var"), 0.25, 1e-5);
  calibrate(graph, source, 3);  // what was there before does not matter
  EXPECT_NEAR(value_of(graph, "relu.running_mean"), 2, 1e-5);
  calibrate(graph, source, 0);
  EXPECT_NEAR(value_of(graph, "relu.running_mean"), 2, 1e-5);
}

TEST(Calibration, OneImageThatRunsAwaySpoilsNothing) {
  const Graph graph = pixels_only();
  MemorySource source = steps(true);
  calibrate(graph, source, kBatches);
  EXPECT_NEAR(value_of(graph, "relu.running_mean"), 3, 1e-5);
  EXPECT_NEAR(value_of(graph, "relu.running_var"), 0.25, 1e-5);
  source.start_epoch(0, kBatches - 1);
  const std::array inputs{source.next()->images};
  evaluate(graph, inputs, {.training = true});  // the running average is spoilt
  EXPECT_GT(value_of(graph, "relu.running_var"), 1e6);
}

// The largest pixels of the batches are 1.5, 2.5, … 5.5; with an outlier the last one is 1e6.
TEST(Reach, IsTheMedianOfTheLargestMagnitudes) {
  const Graph graph = pixels_only();
  for (const bool with_outlier : {false, true}) {
    MemorySource source = steps(with_outlier);
    const auto reach = measure_reach(graph, gated_layers(graph), source, kBatches);
    ASSERT_EQ(reach.size(), 1u);
    EXPECT_EQ(reach[0], std::vector{3.5f}) << with_outlier;
  }
  MemorySource source = steps(false);
  EXPECT_EQ(measure_reach(graph, gated_layers(graph), source, 1)[0], std::vector{1.5f});
}

TEST(Reach, CountsMagnitudesAndPassesOverWhatIsNoNumber) {
  const Graph graph = pixels_only();
  const Tensor images = Tensor::full({3, 8, 8, 1}, -2.0f);
  images.values<float>()[5] = NAN;
  MemorySource source(images, Tensor::zeros({3}, DType::int32), 1);
  EXPECT_EQ(measure_reach(graph, gated_layers(graph), source, 3)[0], std::vector{2.0f});
  EXPECT_EQ(measure_reach(graph, gated_layers(graph), source, 1)[0], std::vector{INFINITY});
}

// Two activations in a row. The first one's coefficients square its inputs to 9e9: no measure of
// what the second gets once the first is limited.
TEST(LimitTails, MeasuresAgainBehindWhatRanAway) {
  Graph graph;
  const auto relu = std::make_shared<Map>(Unary::relu);
  const NodeId images = graph.add_input("images", {1, 8, 8, 1});
  const NodeId first = graph.add("first", relu, {images});
  graph.set_output(graph.add("second", relu, {first}));
  graph = replace_relus(graph, false);
  const auto layers = gated_layers(graph);
  for (const GatedLayer& layer : layers) {
    graph[layer.gate].value.zero();
    graph[layer.coefficients].value.values<float>()[2] = 1e9f;
  }
  PolynomialChoice choice;
  choice.branch = choice.stream = {.quadratic_limit = INFINITY, .tail_limit = 1};
  const Tensor images_of_3 = Tensor::full({3, 8, 8, 1}, 3.0f);
  const auto pixels = images_of_3.values<float>();
  for (std::size_t i = 0; i < pixels.size(); i += 2) pixels[i] = -3;
  MemorySource source(images_of_3, Tensor::zeros({3}, DType::int32), 1);
  EXPECT_EQ(limit_tails(graph, layers, choice, source, 3), 2);
  const auto reach = measure_reach(graph, layers, source, 3);
  EXPECT_EQ(reach[0], std::vector{3.0f});
  EXPECT_LT(reach[1][0], 10);
  for (std::size_t i = 0; i < 2; ++i) {
    const double c2 = double(graph[layers[i].coefficients].value.values<float>()[2]);
    EXPECT_GT(c2, 0.05) << i;
    EXPECT_LE(c2 * double(reach[i][0]), 1.001) << i;
  }
  // From the statistics that were measured anew: those of the graph were 0 and 1.
  EXPECT_NEAR(double(graph[layers[0].coefficients].value.values<float>()[2]),
              polynomial_for(PolynomialKind::dapa2, 0, 3, choice.branch).c2, 1e-4);
  EXPECT_EQ(limit_tails(graph, layers, choice, source, 3), 1) << "nothing runs away now";
}

TEST(LimitTails, WithoutALimitOrAQuadraticIsNoMeasuring) {
  const Graph graph = pixels_only();
  const auto layers = gated_layers(graph);
  MemorySource source = steps(false);
  PolynomialChoice choice;
  choice.branch.tail_limit = choice.stream.tail_limit = INFINITY;
  EXPECT_EQ(limit_tails(graph, layers, choice, source, kBatches), 0);
  choice = {};
  choice.kind = PolynomialKind::dapa1;
  EXPECT_EQ(limit_tails(graph, layers, choice, source, kBatches), 0);
}

TEST(LimitTails, ImagesThatAreNoNumbersAreAnError) {
  const Graph graph = pixels_only();
  MemorySource source(Tensor::full({3, 8, 8, 1}, NAN), Tensor::zeros({3}, DType::int32), 1);
  EXPECT_THROW(limit_tails(graph, gated_layers(graph), {}, source, 3), Error);
}

// The batch norms of a whole network: with them the batch's outputs in inference are about those
// of training, although the running statistics of a new network are 0 and 1.
TEST(Calibration, BringsInferenceToTraining) {
  const Graph graph = replace_relus(make_model("resnet8", 3, {1, 8, 8, 1}, 1), false);
  MemorySource source = make_task(256, 256, 5);
  source.start_epoch(0, 0);
  const std::array inputs{source.next()->images};
  const auto distance = [&] {
    const Tensor inference = evaluate(graph, inputs).clone();
    const Graph copy = graph.copied_to({});  // whose statistics may move
    const Tensor training = evaluate(copy, inputs, {.training = true});
    double sum = 0;
    for (std::size_t i = 0; i < training.values<float>().size(); ++i)
      sum += std::abs(double(inference.values<float>()[i]) - double(training.values<float>()[i]));
    return sum / double(training.elements());
  };
  const double before = distance();
  calibrate(graph, source, 1);
  EXPECT_LT(distance(), 0.02 * before);
}

}  // namespace
}  // namespace hush::nn
