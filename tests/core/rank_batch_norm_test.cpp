// Batch norm over the images of several ranks: what one process computes for all of them.
#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd.h"
#include "core/ops/batch_norm.h"
#include "core/random.h"
#include "parallel/thread_ranks.h"

namespace hush {
namespace {

constexpr std::int64_t kImages = 7, kChannels = 5;

Tensor random_tensor(const Shape& shape, std::uint64_t stream, float mean = 0) {
  const Tensor x = Tensor::empty(shape, DType::float32);
  RandomStream random(9, RandomUse::test, stream);
  for (float& value : x.values<float>()) value = mean + random.normal();
  return x;
}

struct Pass {
  Tensor y, dx, d_gamma, d_beta, d_residual, running_mean, running_var;
};

// Forward and backward of rows first … of a batch.
Pass run(bool fused, std::int64_t first, std::int64_t count, const PassContext& context) {
  const Shape shape{kImages, 3, 3, kChannels}, channels{kChannels};
  Graph graph;
  const NodeId x = graph.add_input("x", {1, 3, 3, kChannels}),
               gamma = graph.add_parameter("gamma", random_tensor(channels, 1, 1)),
               beta = graph.add_parameter("beta", random_tensor(channels, 2)),
               mean = graph.add_buffer("mean", Tensor::full(channels, 0)),
               variance = graph.add_buffer("var", Tensor::full(channels, 1));
  std::vector<NodeId> inputs{x, gamma, beta, mean, variance};
  std::vector<Tensor> values{random_tensor(shape, 3, 50).rows(first, count).clone()};
  NodeId residual = -1;
  if (fused) {
    residual = graph.add_input("residual", {1, 3, 3, kChannels});
    inputs.push_back(residual);
    values.push_back(random_tensor(shape, 4).rows(first, count).clone());
  }
  graph.set_output(graph.add(
      "norm", std::make_shared<BatchNorm>(BatchNormOptions{.relu = fused}, fused), inputs));
  TrainingPass pass(graph, context);
  const Tensor y = pass.forward(values);
  Tensor dy = random_tensor(shape, 5).rows(first, count).clone();
  if (context.stand_in) dy.zero();
  std::vector<NodeId> also{x};
  if (fused) also.push_back(residual);
  const std::vector<Tensor> g = pass.backward(also, dy);
  return {y,
          g[std::size_t(x)],
          g[std::size_t(gamma)],
          g[std::size_t(beta)],
          fused ? g[std::size_t(residual)] : Tensor(),
          graph[mean].value,
          graph[variance].value};
}

void expect_rows(const Tensor& part, const Tensor& whole, std::int64_t first, const char* what) {
  const Tensor want = whole.rows(first, part.shape()[0]);
  for (std::size_t i = 0; i < std::size_t(part.elements()); ++i)
    EXPECT_NEAR(part.values<float>()[i], want.values<float>()[i], 2e-5) << what << " " << i;
}

class RankBatchNorm : public testing::TestWithParam<bool> {};

TEST_P(RankBatchNorm, IsThatOfTheWholeBatch) {
  const bool fused = GetParam();
  const Pass whole = run(fused, 0, kImages, {});
  // Of three ranks the last has no image of its own.
  const std::int64_t firsts[] = {0, 2, 6}, counts[] = {2, 5, 1};
  std::vector<Pass> parts(3);
  parallel::run_thread_ranks(3, [&](Communicator& ranks) {
    const auto r = std::size_t(ranks.rank());
    parts[r] = run(fused, firsts[r], counts[r], {.ranks = &ranks, .stand_in = r == 2});
  });
  const Tensor d_gamma = Tensor::zeros({kChannels}, DType::float32), d_beta = d_gamma.clone();
  for (std::size_t r = 0; r < 3; ++r) {
    const Pass& part = parts[r];
    expect_rows(part.y, whole.y, firsts[r], "y");
    expect_rows(part.running_mean, whole.running_mean, 0, "running mean");
    expect_rows(part.running_var, whole.running_var, 0, "running variance");
    for (std::size_t c = 0; c < std::size_t(kChannels); ++c) {
      d_gamma.values<float>()[c] += part.d_gamma.values<float>()[c];
      d_beta.values<float>()[c] += part.d_beta.values<float>()[c];
      EXPECT_EQ(part.running_var.values<float>()[c], parts[0].running_var.values<float>()[c]);
    }
    if (r == 2) {
      for (const float g : part.dx.values<float>()) EXPECT_EQ(g, 0);
      continue;
    }
    expect_rows(part.dx, whole.dx, firsts[r], "dx");
    if (fused) expect_rows(part.d_residual, whole.d_residual, firsts[r], "d_residual");
  }
  expect_rows(d_gamma, whole.d_gamma, 0, "d_gamma");
  expect_rows(d_beta, whole.d_beta, 0, "d_beta");
}

INSTANTIATE_TEST_SUITE_P(Forms, RankBatchNorm, testing::Bool(),
                         [](const auto& test) { return test.param ? "WithSumAndRelu" : "Alone"; });

TEST(RankBatchNormLimits, OneImageOfOnePixelOnAllRanksHasNoVariance) {
  EXPECT_THROW(parallel::run_thread_ranks(
                   2,
                   [](Communicator& ranks) {
                     Graph graph;
                     const NodeId x = graph.add_input("x", {1, 1});
                     const Tensor c = Tensor::full({1}, 1);
                     graph.set_output(graph.add(
                         "norm", std::make_shared<BatchNorm>(BatchNormOptions{}),
                         {x, graph.add_parameter("g", c), graph.add_parameter("b", c),
                          graph.add_buffer("m", c.clone()), graph.add_buffer("v", c.clone())}));
                     TrainingPass pass(graph, {.ranks = &ranks, .stand_in = ranks.rank() == 1});
                     pass.forward(std::vector{Tensor::full({1, 1}, 2)});
                   }),
               ArgumentError);
}

}  // namespace
}  // namespace hush
