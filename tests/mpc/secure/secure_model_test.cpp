// Networks on shares against the same networks in the clear: values, rounds, bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/layers.h"
#include "tests/mpc/secure/networks.h"

namespace hush::mpc::test {
namespace {

const Shape kImage = {1, 16, 16, 3};

SecureOptions with(ReluMethod relu, WeightMode weights = WeightMode::shared) {
  SecureOptions options;
  options.relu = relu;
  options.weights = weights;
  return options;
}

TEST(SecureModel, AgreesWithTheClearForEveryReluMethod) {
  const Graph graph = settled_model("resnet8", kImage);
  for (const ReluMethod relu :
       {ReluMethod::a2b, ReluMethod::carry, ReluMethod::dcf, ReluMethod::dcf_select}) {
    SCOPED_TRACE(name_of(relu));
    EXPECT_LT(run_secure(graph, with(relu), random_images(kImage.with(0, 2)), 1).largest_error(),
              2e-3);
  }
}

TEST(SecureModel, AgreesWhoeverKnowsTheWeights) {
  const Graph graph = replaced(settled_model("resnet8", kImage), kImage, 0.3);
  for (const WeightMode weights : {WeightMode::shared, WeightMode::owner, WeightMode::open}) {
    for (const ReluMethod relu : {ReluMethod::dcf, ReluMethod::dcf_select, ReluMethod::carry}) {
      SCOPED_TRACE(fmt::format("{} {}", name_of(weights), name_of(relu)));
      EXPECT_LT(run_secure(graph, with(relu, weights), random_images(kImage.with(0, 2)), 1)
                    .largest_error(),
                2e-2);
    }
  }
}

TEST(SecureModel, ABatchGivesWhatItsImagesGive) {
  const Graph graph = replaced(settled_model("resnet8", kImage), kImage, 0.3);
  const Tensor images = random_images(kImage.with(0, 6));
  EXPECT_LT(run_secure(graph, with(ReluMethod::dcf), images, 3).largest_error(), 2e-2);
  EXPECT_LT(run_secure(graph, with(ReluMethod::carry), images, 6).largest_error(), 2e-2);
}

TEST(SecureModel, EveryPolynomialOfTheReplacement) {
  using enum nn::PolynomialKind;
  for (const nn::PolynomialKind kind : {dapa2, dapa1, identity}) {
    SCOPED_TRACE(nn::name_of(kind));
    const Graph graph = replaced(settled_model("resnet8", kImage), kImage, 0.0, kind);
    const SecureRun run = run_secure(graph, with(ReluMethod::dcf), random_images(kImage), 1);
    double largest = 1;
    for (const float value : run.clear.values<float>())
      largest = std::max(largest, std::abs(double(value)));
    EXPECT_LT(run.largest_error(), 1e-2 * largest);
  }
}

// An average of 2,209 pixels behind polynomials, where weights have few bits: they must not lose
// eleven of them to the division.
TEST(SecureModel, AveragesOfManyPixelsKeepTheBitsOfWeights) {
  const Shape image = {1, 47, 47, 4};
  nn::NetworkBuilder net(image, 5);
  NodeId x = net.relu("act", net.images());
  x = net.linear("fc", net.global_average_pool("pool", x), 10);
  const Graph graph = replaced(std::move(net).finish(x), image, 0);
  EXPECT_LT(run_secure(graph, with(ReluMethod::dcf), random_images(image), 1).largest_error(),
            1e-3);
}

// Predicted rounds and bytes equal measured ones (run_secure), whatever the architecture.
class SecureZoo : public testing::TestWithParam<const char*> {};
class SecureOps : public testing::TestWithParam<const char*> {};

std::string zoo_name(const testing::TestParamInfo<const char*>& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

TEST_P(SecureZoo, CostsWhatItPredicts) {
  const Shape image = {1, 8, 8, 3};
  const Graph graph = settled_model(GetParam(), image);
  if (graph.parameter_count() < 1'000'000) {
    EXPECT_LT(run_secure(graph, with(ReluMethod::carry), random_images(image), 1).largest_error(),
              2e-2);
  }
  const Graph mixed = replaced(graph, image, 0.2);
  EXPECT_LT(
      run_secure(mixed, with(ReluMethod::dcf_select), random_images(image), 1).largest_error(),
      5e-2);
}

// Max pooling, SiLU, and the gates of squeeze-excitation, which average 400, 100, 25 and 9 pixels;
// σ is a polynomial, so values differ.
TEST_P(SecureOps, CostWhatTheyPredict) {
  const Shape image = {1, 40, 40, 3};
  const Graph graph = settled_model(GetParam(), image);
  SecureOptions options = with(ReluMethod::dcf_select);
  const SecureRun run = run_secure(graph, options, random_images(image), 1);
  EXPECT_LT(run.largest_error(), 2e-3);
}
constexpr const char* kZoo[] = {"resnet8",  "resnet20", "resnet32", "resnet44",
                                "resnet56", "resnet18", "wrn-22-8"};
constexpr const char* kZooOfOps[] = {"resnet18-imagenet", "resnet34-imagenet", "efficientnet-b0",
                                     "efficientnet-b1", "efficientnet-b2"};
INSTANTIATE_TEST_SUITE_P(All, SecureZoo, testing::ValuesIn(kZoo), zoo_name);
INSTANTIATE_TEST_SUITE_P(All, SecureOps, testing::ValuesIn(kZooOfOps), zoo_name);

TEST(SecureModel, NoNetworkOfTheZooIsLeftOut) {
  std::vector<std::string> tested(std::begin(kZoo), std::end(kZoo));
  tested.insert(tested.end(), std::begin(kZooOfOps), std::end(kZooOfOps));
  EXPECT_THAT(nn::model_names(), testing::IsSubsetOf(tested));
}

}  // namespace
}  // namespace hush::mpc::test
