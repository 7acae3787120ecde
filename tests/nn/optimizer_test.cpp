// Optimizers, clipping and schedules against numbers from PyTorch 1.13.
//
// The golden weights come from this program: a parameter w = (0.5, -1.25, 2), four steps with the
// gradients below, torch.optim.SGD / Adam / AdamW with the options of each test, and
// print('%.9g') of w. Schedules: optimizer.param_groups[0]['lr'] before each scheduler.step().
#include "nn/optimizer.h"

#include <gtest/gtest.h>

#include <array>

#include "nn/schedule.h"

namespace hush::nn {
namespace {

const std::vector<std::vector<float>> kGradients{
    {0.1f, -0.2f, 0.3f}, {-0.4f, 0.05f, 0.6f}, {0.25f, 0.0f, -0.35f}, {0.0f, 0.5f, 0.1f}};

std::vector<NamedTensor> one_parameter(const Shape& shape = {3}) {
  return {{"w", Tensor::from<float>(shape, std::vector{0.5f, -1.25f, 2.0f})}};
}

struct Golden {
  const char* name;
  OptimizerOptions options;
  double learning_rate;
  std::array<float, 3> weights;
};

class OptimizerGolden : public testing::TestWithParam<Golden> {};

TEST_P(OptimizerGolden, FollowsPyTorch) {
  const Golden& golden = GetParam();
  const auto optimizer = make_optimizer(golden.options, one_parameter());
  for (const auto& gradient : kGradients)
    optimizer->step(golden.learning_rate, std::array{Tensor::from<float>({3}, gradient)});
  EXPECT_EQ(optimizer->steps(), 4);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(optimizer->parameters()[0].value.values<float>()[i], golden.weights[i], 4e-7) << i;
}

// Interrupting after any step and carrying weights and state over to a new optimizer changes no
// bit.
TEST_P(OptimizerGolden, ContinuesFromItsState) {
  const Golden& golden = GetParam();
  const auto run = [&](std::size_t interrupt_before) {
    auto optimizer = make_optimizer(golden.options, one_parameter());
    for (std::size_t step = 0; step < kGradients.size(); ++step) {
      if (step == interrupt_before) {
        auto parameters = one_parameter();
        parameters[0].value.assign(optimizer->parameters()[0].value);
        auto next = make_optimizer(golden.options, parameters);
        const auto from = optimizer->state();
        const auto to = next->state();
        EXPECT_EQ(from.size(), to.size());
        for (std::size_t i = 0; i < from.size(); ++i) {
          EXPECT_EQ(from[i].name, to[i].name);
          to[i].value.assign(from[i].value);
        }
        next->restore(optimizer->steps());
        optimizer = std::move(next);
      }
      optimizer->step(golden.learning_rate, std::array{Tensor::from<float>({3}, kGradients[step])});
    }
    const std::span<const float> values = optimizer->parameters()[0].value.values<float>();
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> straight = run(kGradients.size());
  for (std::size_t step = 0; step < kGradients.size(); ++step) EXPECT_EQ(run(step), straight);
}

INSTANTIATE_TEST_SUITE_P(
    All, OptimizerGolden,
    testing::Values(
        Golden{"Sgd", {.momentum = 0}, 0.1, {0.505000055f, -1.28499997f, 1.93499994f}},
        Golden{"SgdMomentumDecay",
               {.momentum = 0.9f, .weight_decay = 0.01f},
               0.1,
               {0.521955729f, -1.23363745f, 1.77312338f}},
        Golden{"SgdNesterov",
               {.momentum = 0.9f, .nesterov = true, .weight_decay = 0.01f},
               0.1,
               {0.522686481f, -1.26551187f, 1.72353995f}},
        Golden{"Adam",
               {.kind = OptimizerKind::adam, .beta1 = 0.8f, .beta2 = 0.95f, .epsilon = 1e-6f},
               0.05,
               {0.480928898f, -1.18945301f, 1.87004936f}},
        Golden{"AdamDecay",
               {.kind = OptimizerKind::adam, .weight_decay = 0.1f},
               0.05,
               {0.456660777f, -1.11871243f, 1.83478522f}},
        Golden{"AdamW",
               {.kind = OptimizerKind::adamw, .weight_decay = 0.1f},
               0.05,
               {0.47200349f, -1.1558497f, 1.82641065f}}),
    [](const testing::TestParamInfo<Golden>& test) { return std::string(test.param.name); });

TEST(Optimizer, CanSpareBiasesAndBatchNormsFromDecay) {
  const auto weight_after = [](const Shape& shape, bool decay_all) {
    const auto optimizer = make_optimizer(
        {.momentum = 0, .weight_decay = 0.5f, .decay_all = decay_all}, one_parameter(shape));
    optimizer->step(0.1, std::array{Tensor::zeros(shape, DType::float32)});
    return optimizer->parameters()[0].value.values<float>()[2];
  };
  EXPECT_FLOAT_EQ(weight_after({3}, true), 1.9f);
  EXPECT_FLOAT_EQ(weight_after({3}, false), 2.0f);
  EXPECT_FLOAT_EQ(weight_after({1, 3}, false), 1.9f);
}

TEST(Optimizer, GradientScaleComesBeforeEverythingElse) {
  const auto scaled = make_optimizer({.weight_decay = 0.01f}, one_parameter());
  const auto plain = make_optimizer({.weight_decay = 0.01f}, one_parameter());
  scaled->step(0.1, std::array{Tensor::from<float>({3}, std::vector{0.5f, -1.0f, 2.0f})}, 0.25f);
  plain->step(0.1, std::array{Tensor::from<float>({3}, std::vector{0.125f, -0.25f, 0.5f})});
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(scaled->parameters()[0].value.values<float>()[i],
              plain->parameters()[0].value.values<float>()[i]);
}

TEST(Optimizer, RejectsOptionsAndGradientsThatMakeNoSense) {
  EXPECT_THROW(make_optimizer({.momentum = 1}, one_parameter()), ArgumentError);
  EXPECT_THROW(make_optimizer({.weight_decay = -1}, one_parameter()), ArgumentError);
  EXPECT_THROW(make_optimizer({.momentum = 0, .nesterov = true}, one_parameter()), ArgumentError);
  EXPECT_THROW(make_optimizer({.kind = OptimizerKind::adam, .beta2 = 1}, one_parameter()),
               ArgumentError);
  EXPECT_THROW(parse_optimizer_kind("lamb"), ArgumentError);
  EXPECT_EQ(parse_optimizer_kind("adamw"), OptimizerKind::adamw);
  const auto optimizer = make_optimizer({}, one_parameter());
  EXPECT_THROW(optimizer->step(0.1, {}), ArgumentError);
  EXPECT_THROW(optimizer->step(0.1, std::array{Tensor::zeros({4}, DType::float32)}), ArgumentError);
  EXPECT_EQ(optimizer->steps(), 0);
}

// clip_grad_norm_ of (3, 0, 0) and (0, 4) to 2.5 finds 5 and leaves (1.5, 0, 0) and (0, 2).
TEST(Clipping, FollowsPyTorch) {
  const std::array gradients{Tensor::from<float>({3}, std::vector{3.0f, 0.0f, 0.0f}),
                             Tensor::from<float>({2}, std::vector{0.0f, 4.0f})};
  EXPECT_EQ(gradient_norm(gradients), 5);
  EXPECT_NEAR(clipping_scale(5, 2.5), 0.5, 1e-6);
  EXPECT_EQ(clipping_scale(2, 2.5), 1);
  EXPECT_EQ(gradient_norm({}), 0);
}

TEST(Schedule, CosineFollowsPyTorch) {
  const ScheduleOptions options{
      .learning_rate = 0.1, .final_learning_rate = 0.001, .total_steps = 10};
  const std::array expected{
      0.1,    0.09757729755661011, 0.0905463412215599,  0.07959536998847742,  0.0657963412215599,
      0.0505, 0.03520365877844011, 0.02140463001152259, 0.010453658778440109, 0.0034227024433899004,
      0.001};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(learning_rate_at(options, std::int64_t(i)), expected[i], 1e-12) << i;
  // By epochs of three steps the same ten values last three steps each.
  ScheduleOptions epochs = options;
  epochs.total_steps = 30;
  epochs.steps_per_epoch = 3;
  epochs.per_epoch = true;
  for (std::int64_t step = 0; step < 30; ++step)
    EXPECT_NEAR(learning_rate_at(epochs, step), expected[std::size_t(step / 3)], 1e-12) << step;
}

TEST(Schedule, StepsFollowPyTorch) {
  const ScheduleOptions options{.kind = ScheduleKind::step,
                                .learning_rate = 0.1,
                                .milestones = {2, 4},
                                .total_steps = 12,
                                .steps_per_epoch = 2};
  const std::array expected{0.1, 0.1, 0.01, 0.01, 0.001, 0.001};
  for (std::int64_t step = 0; step < 12; ++step)
    EXPECT_NEAR(learning_rate_at(options, step), expected[std::size_t(step / 2)], 1e-12) << step;
}

TEST(Schedule, WarmupRisesToTheFullRate) {
  const ScheduleOptions options{.learning_rate = 0.8, .warmup_steps = 3, .total_steps = 11};
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 0), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 1), 0.4);
  EXPECT_NEAR(learning_rate_at(options, 2), 0.6, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 3), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 7), 0.4);
  EXPECT_NEAR(learning_rate_at(options, 11), 0, 1e-15);
  EXPECT_NEAR(learning_rate_at(options, 20), 0, 1e-15);
}

TEST(Schedule, ConstantStaysAndNonsenseIsRejected) {
  ScheduleOptions options{.kind = ScheduleKind::constant, .learning_rate = 0.25};
  EXPECT_EQ(learning_rate_at(options, 1000), 0.25);
  EXPECT_THROW(learning_rate_at(options, -1), ArgumentError);
  options.total_steps = 0;
  EXPECT_THROW(learning_rate_at(options, 0), ArgumentError);
  EXPECT_THROW(parse_schedule_kind("linear"), ArgumentError);
  EXPECT_EQ(parse_schedule_kind("step"), ScheduleKind::step);
}

}  // namespace
}  // namespace hush::nn
