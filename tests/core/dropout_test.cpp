// Dropout in training: its rate, its scale, its gradient, and what its draws depend on.
#include "core/ops/dropout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/autograd.h"
#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/passes.h"

namespace hush {
namespace {

using Unit = Dropout::Unit;

Tensor masked(const Dropout& op, const Shape& shape, const PassContext& context) {
  std::vector<Tensor> saved;
  return op.forward(context, std::vector{Tensor::full(shape, 2)}, saved);
}

std::vector<float> values(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

TEST(Dropout, DropsItsShareAndScalesTheRest) {
  const Dropout op(Unit::element, 0.2f, 0);
  const std::vector<float> y = values(masked(op, {100, 10, 10, 10}, {.training = true}));
  const auto dropped = double(std::ranges::count(y, 0.0f));
  EXPECT_EQ(std::set<float>(y.begin(), y.end()), (std::set<float>{0, 2.5f}));
  // 100,000 draws: five standard deviations are 0.63 %.
  EXPECT_NEAR(dropped / 1e5, 0.2, 0.0064);
}

TEST(Dropout, ImageUnitDropsWholeImages) {
  const Dropout op(Unit::image, 0.5f, 0);
  const Tensor y = masked(op, {64, 3, 2, 5}, {.training = true});
  int dropped = 0;
  for (std::int64_t n = 0; n < 64; ++n) {
    const std::vector<float> image = values(y.rows(n, 1));
    EXPECT_EQ(std::set<float>(image.begin(), image.end()).size(), 1u) << n;
    dropped += image[0] == 0;
  }
  EXPECT_NEAR(dropped, 32, 20);  // five standard deviations
}

TEST(Dropout, DrawsDependOnSeedStepAndStreamAlone) {
  const auto draw = [](std::uint32_t stream, std::uint64_t seed, std::uint64_t step) {
    return values(masked(Dropout(Unit::element, 0.5f, stream), {4, 64},
                         {.training = true, .seed = seed, .step = step}));
  };
  EXPECT_EQ(draw(1, 2, 3), draw(1, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(2, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 3, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 2, 4));
}

TEST(Dropout, IsTheIdentityOtherwise) {
  EXPECT_EQ(values(masked(Dropout(Unit::element, 0.9f, 0), {2, 8}, {})),
            std::vector<float>(16, 2.0f));
  EXPECT_EQ(values(masked(Dropout(Unit::image, 0, 0), {2, 8}, {.training = true})),
            std::vector<float>(16, 2.0f));
}

TEST(Dropout, GradientTakesTheSameMask) {
  for (const Unit unit : {Unit::element, Unit::image}) {
    Graph graph;
    const NodeId x = graph.add_parameter("x", Tensor::full({16, 3, 3, 2}, 1));
    graph.set_output(graph.add("drop", std::make_shared<Dropout>(unit, 0.4f, 5), {x}));
    TrainingPass pass(graph, {.seed = 9, .step = 4});
    const std::vector<float> y = values(pass.forward({}));
    EXPECT_EQ(values(pass.backward()[std::size_t(x)]), y);
    EXPECT_GT(std::ranges::count(y, 0.0f), 0);
    EXPECT_LT(std::ranges::count(y, 0.0f), 16 * 18);
  }
}

TEST(Dropout, RefusesRatesThatAreNone) {
  EXPECT_THROW(Dropout(Unit::image, 1, 0), ArgumentError);
  EXPECT_THROW(Dropout(Unit::image, -0.1f, 0), ArgumentError);
  EXPECT_THROW(Dropout(Unit::element, std::nanf(""), 0), ArgumentError);
}

// Between batch norm and sum it would keep both out of the convolution's epilogue.
TEST(Dropout, IsGoneAfterFolding) {
  Graph graph;
  const NodeId x = graph.add_input("x", {1, 4, 4, 2});
  const NodeId w = graph.add_parameter("w", Tensor::full({1, 1, 2, 2}, 0.5f));
  const auto leaf = [&](const char* name, float value) {
    return graph.add_parameter(name, Tensor::full({2}, value));
  };
  const NodeId conv = graph.add("conv", std::make_shared<Conv2d>(ConvOptions{}), {x, w});
  const NodeId norm =
      graph.add("norm", std::make_shared<BatchNorm>(BatchNormOptions{}),
                {conv, leaf("gamma", 2), leaf("beta", 1), leaf("mean", 0), leaf("var", 1)});
  const NodeId drop = graph.add("drop", std::make_shared<Dropout>(Unit::image, 0.5f, 0), {norm});
  graph.set_output(graph.add("add", std::make_shared<Add>(), {drop, x}));
  const Graph folded = fold_for_inference(graph);
  EXPECT_EQ(folded.of_kind(NodeKind::op).size(), 1u);
  const std::vector inputs{Tensor::full({3, 4, 4, 2}, 3)};
  EXPECT_NEAR(values(evaluate(folded, inputs))[0], values(evaluate(graph, inputs))[0], 1e-4f);
}

TEST(Dropout, AnImageHasTheSameDrawsInAPartOfTheBatch) {
  for (const Unit unit : {Unit::element, Unit::image}) {
    const Dropout op(unit, 0.5f, 3);
    const PassContext context{.training = true, .seed = 2, .step = 5};
    const std::vector<float> whole = values(masked(op, {7, 3, 3, 5}, context));
    PassContext part = context;
    part.first_image = 4;
    EXPECT_EQ(values(masked(op, {3, 3, 3, 5}, part)),
              std::vector<float>(whole.begin() + 4 * 45, whole.end()));
  }
}

}  // namespace
}  // namespace hush
