// The table of the op test: one row for each op and shape class. To add an op, add rows.
#pragma once

#include <string>

#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/gated_activation.h"
#include "core/ops/loss.h"
#include "core/ops/pool.h"
#include "core/ops/squeeze.h"
#include "tests/support/gradient_check.h"

namespace hush {

struct OpInput {
  enum class Fill {
    normal,
    positive,  // in [0.5, 1.5): variances
    distinct,  // a multiple of 0.1 plus 0.05, each once: no kink or tie near a finite difference
    label,     // int32 in [0, 3)
  };
  Shape shape;
  Fill fill = Fill::normal;
  bool differentiable = true;
};

struct OpCase {
  std::string name;  // letters, digits, underscores
  std::shared_ptr<const Op> op;
  std::vector<OpInput> inputs;
  // The output in training and in inference; the latter is empty where they are the same.
  reference::Function reference, inference;
  // The output over Z_2^64; empty where the op does not exist there.
  std::function<reference::Array<Ring>(const reference::Arrays<Ring>&)> ring;
  bool trains = true;  // has a backward pass
};

inline void add_convolution_cases(std::vector<OpCase>& cases) {
  struct Row {
    const char* name;
    Shape x, w;
    ConvOptions options;
    reference::ConvExtras extras;
  };
  const Row rows[] = {
      {"conv_3x3", {1, 5, 5, 3}, {3, 3, 3, 4}, {1, 1, 1}, {}},
      {"conv_3x3_batch", {3, 6, 6, 4}, {3, 3, 4, 5}, {1, 1, 1}, {}},
      {"conv_3x3_stride", {1, 8, 8, 3}, {3, 3, 3, 4}, {2, 1, 1}, {}},
      {"conv_3x3_stride_odd", {3, 7, 5, 2}, {3, 3, 2, 3}, {2, 1, 1}, {}},
      {"conv_3x3_no_padding", {1, 7, 4, 2}, {3, 3, 2, 3}, {1, 0, 1}, {}},
      {"conv_3x3_bias", {3, 4, 4, 3}, {3, 3, 3, 5}, {1, 1, 1}, {.bias = true}},
      {"conv_1x1", {3, 3, 5, 4}, {1, 1, 4, 6}, {1, 0, 1}, {}},
      {"conv_1x1_stride", {1, 5, 7, 3}, {1, 1, 3, 4}, {2, 0, 1}, {}},
      {"conv_5x5", {1, 6, 7, 2}, {5, 5, 2, 3}, {1, 2, 1}, {.bias = true}},
      {"conv_7x7_stride", {1, 9, 11, 3}, {7, 7, 3, 2}, {2, 3, 1}, {}},
      {"conv_wide_padding", {1, 3, 3, 2}, {3, 3, 2, 2}, {1, 2, 1}, {}},
      {"conv_stride_3", {1, 8, 7, 2}, {2, 2, 2, 3}, {3, 0, 1}, {}},
      {"conv_rectangle", {1, 5, 6, 2}, {1, 3, 2, 3}, {1, 1, 1}, {}},
      {"conv_groups", {3, 5, 4, 6}, {3, 3, 3, 4}, {1, 1, 2}, {.bias = true}},
      {"conv_groups_stride", {1, 7, 7, 6}, {3, 3, 2, 9}, {2, 1, 3}, {}},
      {"conv_depthwise", {3, 5, 5, 7}, {3, 3, 1, 7}, {1, 1, 7}, {}},
      {"conv_depthwise_stride", {1, 7, 6, 5}, {5, 5, 1, 5}, {2, 2, 5}, {.bias = true}},
      {"conv_depthwise_multiplier", {1, 4, 5, 3}, {3, 3, 1, 6}, {1, 1, 3}, {}},
      {"conv_whole_image", {3, 4, 4, 3}, {4, 4, 3, 5}, {1, 0, 1}, {}},
      {"conv_epilogue",
       {3, 5, 5, 3},
       {3, 3, 3, 4},
       {1, 1, 1},
       {.bias = true, .residual = true, .relu = true}},
      {"conv_epilogue_residual", {1, 6, 5, 2}, {3, 3, 2, 3}, {2, 1, 1}, {.residual = true}},
  };
  for (const Row& row : rows) {
    const ConvOptions options = row.options;
    const reference::ConvExtras extras = row.extras;
    std::vector<OpInput> inputs{{row.x}, {row.w}};
    if (extras.bias) inputs.push_back({{row.w[3]}});
    if (extras.residual)
      inputs.push_back({{row.x[0], options.output(row.x[1], row.w[0]),
                         options.output(row.x[2], row.w[1]), row.w[3]}});
    OpCase one{row.name,
               std::make_shared<Conv2d>(options,
                                        Conv2d::Extras{extras.bias, extras.residual, extras.relu}),
               inputs,
               [=](const auto& in) { return reference::conv2d(options, extras, in); },
               {},
               [=](const auto& in) { return reference::conv2d(options, extras, in); },
               !extras.residual && !extras.relu};
    if (extras.relu) one.ring = {};
    cases.push_back(std::move(one));
  }
}

inline void add_linear_cases(std::vector<OpCase>& cases) {
  for (const bool bias : {false, true})
    for (const std::int64_t batch : {1, 3})
      cases.push_back({fmt::format("linear{}_batch_{}", bias ? "_bias" : "", batch),
                       std::make_shared<Linear>(bias),
                       bias ? std::vector<OpInput>{{{batch, 7}}, {{7, 5}}, {{5}}}
                            : std::vector<OpInput>{{{batch, 7}}, {{7, 5}}},
                       [=](const auto& in) { return reference::linear(bias, in); },
                       {},
                       [=](const auto& in) { return reference::linear(bias, in); }});
}

inline void add_elementwise_cases(std::vector<OpCase>& cases) {
  using Fill = OpInput::Fill;
  for (const Unary f : {Unary::relu, Unary::silu, Unary::sigmoid, Unary::square, Unary::negate}) {
    const auto op = std::make_shared<Map>(f);
    OpCase one{std::string(op->name()),
               op,
               {{{3, 3, 5, 3}, Fill::distinct}},
               [=](const auto& in) { return reference::map(f, in); },
               {},
               {}};
    if (f == Unary::square || f == Unary::negate)
      one.ring = [=](const auto& in) { return reference::map(f, in); };
    cases.push_back(std::move(one));
  }
  for (const Shape& shape : {Shape{1, 17}, Shape{3, 2, 3, 5}}) {
    const std::vector<OpInput> inputs{{shape}, {shape}};
    cases.push_back({fmt::format("add_rank_{}", shape.rank()),
                     std::make_shared<Add>(),
                     inputs,
                     [](const auto& in) { return reference::zip(Binary::add, in); },
                     {},
                     [](const auto& in) { return reference::zip(Binary::add, in); }});
    cases.push_back({fmt::format("multiply_rank_{}", shape.rank()),
                     std::make_shared<Multiply>(),
                     inputs,
                     [](const auto& in) { return reference::zip(Binary::multiply, in); },
                     {},
                     [](const auto& in) { return reference::zip(Binary::multiply, in); }});
  }
}

inline void add_squeeze_cases(std::vector<OpCase>& cases) {
  for (const Shape& x : {Shape{1, 4, 3, 5}, Shape{3, 2, 3, 9}, Shape{2, 1, 1, 3}})
    cases.push_back({fmt::format("channel_multiply_batch_{}", x[0]),
                     std::make_shared<ChannelMultiply>(),
                     {{x}, {{x[0], 1, 1, x[3]}}},
                     [](const auto& in) { return reference::channel_multiply(in); },
                     {},
                     [](const auto& in) { return reference::channel_multiply(in); }});
  const auto as_pixel = [](const auto& in) {
    auto y = in[0];
    y.shape = {in[0].shape[0], 1, 1, in[0].shape[1]};
    return y;
  };
  cases.push_back({"as_pixel", std::make_shared<AsPixel>(), {{{3, 5}}}, as_pixel, {}, as_pixel});
  // What dropout does in training has tests of its own: it has no reference but itself.
  const auto identity = [](const auto& in) { return in[0]; };
  for (const auto unit : {Dropout::Unit::element, Dropout::Unit::image}) {
    const auto op = std::make_shared<Dropout>(unit, 0.25f, 0);
    cases.push_back({std::string(op->name()), op, {{{3, 2, 2, 5}}}, identity, {}, identity, false});
  }
}

inline void add_gated_activation_cases(std::vector<OpCase>& cases) {
  using Fill = OpInput::Fill;
  for (const Shape& x : {Shape{1, 5, 3, 3}, Shape{3, 4, 4, 5}, Shape{4, 19}}) {
    Shape map;
    for (int axis = 1; axis < x.rank(); ++axis) map.append(x[axis]);
    const Shape c{x[-1]};
    cases.push_back({fmt::format("gated_activation_rank_{}_batch_{}", x.rank(), x[0]),
                     std::make_shared<GatedActivation>(),
                     {{x, Fill::distinct},
                      {map},
                      {{3, x[-1]}},
                      {c, Fill::normal, false},
                      {c, Fill::positive, false}},
                     reference::gated_activation,
                     {},
                     {}});
  }
}

inline void add_batch_norm_cases(std::vector<OpCase>& cases) {
  for (const bool residual : {false, true})
    for (const bool relu : {false, true})
      for (const Shape& x : {Shape{1, 5, 3, 3}, Shape{3, 4, 4, 5}, Shape{6, 17}}) {
        const BatchNormOptions options{.epsilon = 1e-3f, .momentum = 0.2f, .relu = relu};
        const Shape c{x[-1]};
        std::vector<OpInput> inputs{
            {x}, {c}, {c}, {c, OpInput::Fill::normal, false}, {c, OpInput::Fill::positive, false}};
        if (residual) inputs.push_back({x});
        cases.push_back(
            {fmt::format("batch_norm{}{}_rank_{}_batch_{}", residual ? "_residual" : "",
                         relu ? "_relu" : "", x.rank(), x[0]),
             std::make_shared<BatchNorm>(options, residual),
             inputs,
             [=](const auto& in) { return reference::batch_norm(options, residual, true, in); },
             [=](const auto& in) { return reference::batch_norm(options, residual, false, in); },
             {}});
        if (x.rank() != 4) continue;
        const auto fixed = [=](const auto& in) {
          return reference::batch_norm(options, residual, false, in);
        };
        cases.push_back({"fixed_" + cases.back().name,
                         std::make_shared<BatchNorm>(options, residual, true),
                         inputs,
                         fixed,
                         fixed,
                         {}});
      }
}

inline void add_pool_cases(std::vector<OpCase>& cases) {
  struct Row {
    const char* name;
    Shape x;
    int kernel, stride, padding;
  };
  const Row rows[] = {
      {"2x2", {1, 4, 6, 3}, 2, 2, 0},          {"2x2_odd", {3, 5, 7, 2}, 2, 2, 0},
      {"3x3_stride_2", {3, 7, 6, 3}, 3, 2, 1}, {"3x3_overlap", {1, 5, 4, 5}, 3, 1, 1},
      {"2x2_gaps", {1, 8, 7, 2}, 2, 3, 1},     {"4x4_whole", {3, 4, 4, 3}, 4, 4, 0},
      {"global", {3, 5, 3, 4}, 0, 1, 0},       {"global_batch_1", {1, 4, 4, 17}, 0, 1, 0},
  };
  for (const Row& row : rows)
    for (const PoolKind kind : {PoolKind::max, PoolKind::average}) {
      const PoolOptions options{kind, row.kernel, row.stride, row.padding};
      OpCase one{fmt::format("{}_pool_{}", kind == PoolKind::max ? "max" : "average", row.name),
                 std::make_shared<Pool>(options),
                 {{row.x, OpInput::Fill::distinct}},
                 [=](const auto& in) { return reference::pool(options, in); },
                 {},
                 {}};
      if (kind == PoolKind::average)
        one.ring = [=](const auto& in) { return reference::pool(options, in); };
      cases.push_back(std::move(one));
    }
}

inline void add_subsample_cases(std::vector<OpCase>& cases) {
  struct Row {
    Shape x;
    int stride, before, channels;
  };
  const Row rows[] = {{{1, 4, 4, 3}, 2, 2, 6}, {{3, 5, 7, 4}, 2, 2, 8}, {{1, 3, 3, 2}, 1, 0, 5}};
  for (const auto& [x, stride, before, channels] : rows) {
    const auto apply = [s = stride, b = before, k = channels](const auto& in) {
      return reference::subsample_pad(s, b, k, in);
    };
    cases.push_back({fmt::format("subsample_pad_{}_{}_stride_{}", x[1], x[2], stride),
                     std::make_shared<SubsamplePad>(stride, before, channels),
                     {{x}},
                     apply,
                     {},
                     apply});
  }
}

inline void add_loss_cases(std::vector<OpCase>& cases) {
  for (const float smoothing : {0.0f, 0.1f})
    for (const std::int64_t batch : {1, 3, 19})
      cases.push_back(
          {fmt::format("softmax_cross_entropy_{}_batch_{}", smoothing > 0 ? "smooth" : "plain",
                       batch),
           std::make_shared<SoftmaxCrossEntropy>(smoothing),
           {{{batch, 5}}, {{batch}, OpInput::Fill::label, false}},
           [=](const auto& in) { return reference::softmax_cross_entropy(double(smoothing), in); },
           {},
           {}});
  for (const std::int64_t batch : {1, 3, 19})
    cases.push_back({fmt::format("distillation_batch_{}", batch),
                     std::make_shared<Distillation>(4.0f, 16.0f),
                     {{{batch, 5}}, {{batch, 5}, OpInput::Fill::normal, false}},
                     [](const auto& in) { return reference::distillation(4, 16, in); },
                     {},
                     {}});
}

inline std::vector<OpCase> op_cases() {
  std::vector<OpCase> cases;
  add_convolution_cases(cases);
  add_linear_cases(cases);
  add_elementwise_cases(cases);
  add_squeeze_cases(cases);
  add_gated_activation_cases(cases);
  add_batch_norm_cases(cases);
  add_pool_cases(cases);
  add_subsample_cases(cases);
  add_loss_cases(cases);
  return cases;
}

// Inputs that an op must refuse, with a part of what it says.
struct ShapeErrorCase {
  std::shared_ptr<const Op> op;
  std::vector<Shape> shapes;
  std::string message;
};

inline std::vector<ShapeErrorCase> shape_error_cases() {
  const auto conv = std::make_shared<Conv2d>(ConvOptions{});
  const auto grouped = std::make_shared<Conv2d>(ConvOptions{1, 1, 2});
  const auto biased = std::make_shared<Conv2d>(ConvOptions{}, Conv2d::Extras{.bias = true});
  const auto added = std::make_shared<Conv2d>(ConvOptions{}, Conv2d::Extras{.residual = true});
  const auto norm = std::make_shared<BatchNorm>(BatchNormOptions{});
  const auto added_norm = std::make_shared<BatchNorm>(BatchNormOptions{}, true);
  const auto pool = std::make_shared<Pool>(PoolOptions{PoolKind::average, 3, 1, 0});
  const auto wide_pool = std::make_shared<Pool>(PoolOptions{PoolKind::max, 3, 1, 2});
  const auto relu = std::make_shared<Map>(Unary::relu);
  const Shape x{1, 8, 8, 8}, c{8};
  return {
      {conv, {x, {3, 3, 16, 32}}, "conv2d: weight [3, 3, 16, 32] does not fit input [1, 8, 8, 8]"},
      {conv, {x}, "conv2d: 2 inputs, not 1"},
      {conv, {{8, 8, 8}, {3, 3, 8, 8}}, "conv2d: input [8, 8, 8] is not of rank 4"},
      {conv, {x, {3, 3, 8}}, "conv2d: weight [3, 3, 8] is not of rank 4"},
      {conv, {x, {9, 9, 8, 4}}, "conv2d: kernel of weight [9, 9, 8, 4] is larger than input"},
      {grouped, {x, {3, 3, 4, 5}}, "conv2d: weight [3, 3, 4, 5] does not fit input"},
      {biased, {x, {3, 3, 8, 4}, {5}}, "conv2d: bias [5] should be [4]"},
      {added, {x, {3, 3, 8, 4}, x}, "conv2d: residual [1, 8, 8, 8] should be [1, 6, 6, 4]"},
      {std::make_shared<Conv2d>(ConvOptions{0, 0, 1}), {x, {3, 3, 8, 4}}, "stride 0"},
      {std::make_shared<Linear>(false), {{2, 3}, {4, 5}}, "linear: weight [4, 5] does not fit"},
      {std::make_shared<Linear>(true), {{2, 3}, {3, 5}, {3}}, "linear: bias [3] should be [5]"},
      {std::make_shared<Linear>(false), {x, {8, 5}}, "linear: input [1, 8, 8, 8] is not of rank 2"},
      {relu, {x, x}, "relu: 1 inputs, not 2"},
      {std::make_shared<Add>(), {{2, 3}, {3, 2}}, "add: shapes [2, 3] and [3, 2] differ"},
      {std::make_shared<Multiply>(), {{2}, {3}}, "multiply: shapes [2] and [3] differ"},
      {norm, {x, c, c, c, {7}}, "batch_norm: running variance [7] does not fit input"},
      {norm, {{8}, c, c, c, c}, "batch_norm: input [8] has no channels"},
      {norm, {x, c, c}, "batch_norm: 5 inputs, not 3"},
      {added_norm, {x, c, c, c, c, {1, 8, 8, 4}}, "batch_norm: residual [1, 8, 8, 4] should be"},
      {pool, {{1, 2, 2, 8}}, "average_pool: kernel 3 is larger than input [1, 2, 2, 8]"},
      {pool, {{2, 8}}, "average_pool: input [2, 8] is not of rank 4"},
      {wide_pool, {x}, "max_pool: kernel 3 stride 1 padding 2 is out of range"},
      {std::make_shared<SubsamplePad>(2, 2, 8), {x}, "subsample_pad: input [1, 8, 8, 8] does not"},
      {std::make_shared<SoftmaxCrossEntropy>(), {{3, 5}, {4}}, "labels [4] do not fit logits"},
      {std::make_shared<SoftmaxCrossEntropy>(), {{3, 5, 1}, {3}}, "is not of rank 2"},
  };
}

}  // namespace hush
