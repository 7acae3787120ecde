// Optimizer steps against PyTorch's formulas written out in double, over several steps and tensors
// of many chunks.
#include <gtest/gtest.h>

#include "core/backend.h"
#include "tests/support/op_conformance.h"

namespace hush {
namespace {

constexpr int kSteps = 4;
const Shape kShapes[] = {{3}, {129, 7}, {40000}};

std::vector<double> random_values(std::int64_t count, std::uint64_t index) {
  RandomStream random(5, RandomUse::test, index);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& v : values) v = double(random.normal());
  return values;
}

Tensor tensor(const Shape& shape, const std::vector<double>& values) {
  return Tensor::from(shape, std::vector<float>(values.begin(), values.end()));
}

class SgdStep : public testing::TestWithParam<SgdOptions> {};

TEST_P(SgdStep, FollowsPyTorch) {
  SgdOptions options = GetParam();
  const double rate = double(options.learning_rate), mu = double(options.momentum);
  std::vector<SgdTensors> tensors;
  std::vector<std::vector<double>> weights, buffers;
  for (const Shape& shape : kShapes) {
    weights.push_back(random_values(shape.elements(), 100 + weights.size()));
    buffers.emplace_back(weights.back().size());
    tensors.push_back({tensor(shape, weights.back()), {}, Tensor::full(shape, NAN)});
  }
  for (int step = 0; step < kSteps; ++step) {
    options.first_step = step == 0;  // until then the buffer holds anything
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      const auto gradient = random_values(kShapes[t].elements(), 10 * std::size_t(step) + t);
      tensors[t].gradient = tensor(kShapes[t], gradient);
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        double& w = weights[t][i];
        double& b = buffers[t][i];
        double g = gradient[i] * double(options.gradient_scale);
        g += double(options.weight_decay) * w;
        if (mu != 0) {
          b = step == 0 ? g : mu * b + g;
          g = options.nesterov ? g + mu * b : b;
        }
        w -= rate * g;
      }
    }
    backend({}).sgd_step(options, tensors);
  }
  for (std::size_t t = 0; t < tensors.size(); ++t)
    expect_close(doubles(tensors[t].weight), weights[t], 1e-6, "weight");
}

INSTANTIATE_TEST_SUITE_P(
    Options, SgdStep,
    testing::Values(SgdOptions{.momentum = 0}, SgdOptions{.momentum = 0, .weight_decay = 0.01f},
                    SgdOptions{}, SgdOptions{.weight_decay = 0.01f},
                    SgdOptions{.weight_decay = 0.01f, .nesterov = true},
                    SgdOptions{.weight_decay = 0.01f, .gradient_scale = 0.25f}));

class AdamStep : public testing::TestWithParam<AdamOptions> {};

TEST_P(AdamStep, FollowsPyTorch) {
  AdamOptions options = GetParam();
  const double rate = double(options.learning_rate), decay = double(options.weight_decay);
  const double beta1 = double(options.beta1), beta2 = double(options.beta2);
  std::vector<AdamTensors> tensors;
  std::vector<std::vector<double>> weights, means, variances;
  for (const Shape& shape : kShapes) {
    weights.push_back(random_values(shape.elements(), 100 + weights.size()));
    means.emplace_back(weights.back().size());
    variances.emplace_back(weights.back().size());
    tensors.push_back(
        {tensor(shape, weights.back()), {}, Tensor::full(shape, 0), Tensor::full(shape, 0)});
  }
  for (int step = 1; step <= kSteps; ++step) {
    options.step = step;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      const auto gradient = random_values(kShapes[t].elements(), 10 * std::size_t(step) + t);
      tensors[t].gradient = tensor(kShapes[t], gradient);
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        double& w = weights[t][i];
        double& m = means[t][i];
        double& v = variances[t][i];
        double g = gradient[i] * double(options.gradient_scale);
        if (options.decoupled)
          w *= 1 - rate * decay;
        else
          g += decay * w;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        const double root = std::sqrt(v) / std::sqrt(1 - std::pow(beta2, step));
        w -= rate / (1 - std::pow(beta1, step)) * m / (root + double(options.epsilon));
      }
    }
    backend({}).adam_step(options, tensors);
  }
  for (std::size_t t = 0; t < tensors.size(); ++t)
    expect_close(doubles(tensors[t].weight), weights[t], 1e-6, "weight");
}

INSTANTIATE_TEST_SUITE_P(
    Options, AdamStep,
    testing::Values(AdamOptions{.learning_rate = 0.01f},
                    AdamOptions{.learning_rate = 0.01f, .weight_decay = 0.1f},
                    AdamOptions{.learning_rate = 0.01f, .weight_decay = 0.1f, .decoupled = true},
                    AdamOptions{.learning_rate = 0.01f, .beta1 = 0.5f, .epsilon = 0.1f},
                    AdamOptions{.learning_rate = 0.01f, .gradient_scale = 0.01f}));

TEST(OptimizerKernels, WrongTensorsAreRefused) {
  const Tensor a = Tensor::full({4}, 1), b = Tensor::full({5}, 1);
  const SgdTensors no_momentum{a, a, {}}, wrong_gradient{a, b, a};
  EXPECT_THROW(backend({}).sgd_step({}, {&no_momentum, 1}), ArgumentError);
  EXPECT_THROW(backend({}).sgd_step({}, {&wrong_gradient, 1}), ArgumentError);
  const AdamTensors wrong_state{a, a, a, b}, right{a, a, a, a};
  EXPECT_THROW(backend({}).adam_step({}, {&wrong_state, 1}), ArgumentError);
  EXPECT_THROW(backend({}).adam_step({.step = 0}, {&right, 1}), ArgumentError);
}

}  // namespace
}  // namespace hush
