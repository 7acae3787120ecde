// Loss and optimizers, and a small residual network trained as a whole.
#include "core/autograd.h"
#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/loss.h"
#include "core/ops/pool.h"
#include "device_under_test.h"

namespace hush::cuda {
namespace {

class Training : public DeviceTest {};

TEST_F(Training, SoftmaxCrossEntropyMatchesTheCpu) {
  // Rows that do not fill a block, classes below, at and above a warp.
  for (const Shape& shape : {Shape{1, 2}, Shape{5, 10}, Shape{9, 32}, Shape{4, 100}, Shape{150, 3}})
    for (const float smoothing : {0.0f, 0.1f}) {
      SCOPED_TRACE(fmt::format("{} smoothing {}", shape.text(), smoothing));
      expect_parity(
          {reals(shape, -20, 20), labels(shape[0], shape[1]), result(shape), result({}),
           Tensor::full({}, 0.75f), result(shape)},
          [&](Backend& b, const std::vector<Tensor>& t) {
            b.softmax_cross_entropy(t[0], t[1], smoothing, t[2], t[3]);
            b.softmax_cross_entropy_backward(t[2], t[1], smoothing, t[4], t[5]);
          },
          1e-6f);
    }
}

// Each row is shifted by its own maximum: with a neighbour's, all of its exponentials would vanish.
TEST_F(Training, SoftmaxRowsOfVeryDifferentSize) {
  Tensor logits = reals({6, 5}, -1, 1);
  for (std::size_t i = 0; i < 30; ++i) logits.values<float>()[i] += i / 5 % 2 == 0 ? 0.0f : 500.0f;
  expect_parity(
      {logits, labels(6, 5), result({6, 5}), result({})},
      [](Backend& b, const std::vector<Tensor>& t) {
        b.softmax_cross_entropy(t[0], t[1], 0.1f, t[2], t[3]);
      },
      1e-6f);
}

TEST_F(Training, DistillationMatchesTheCpu) {
  for (const Shape& shape : {Shape{1, 2}, Shape{5, 10}, Shape{9, 32}, Shape{4, 100}, Shape{150, 3}})
    for (const float temperature : {1.0f, 4.0f}) {
      SCOPED_TRACE(fmt::format("{} temperature {}", shape.text(), temperature));
      expect_parity(
          {reals(shape, -20, 20), reals(shape, 9, -5), result(shape), result({})},
          [&](Backend& b, const std::vector<Tensor>& t) {
            b.distillation(temperature, 16, t[0], t[1], t[2], t[3]);
          },
          1e-6f);
    }
}

TEST_F(Training, AWrongLabelIsReportedOnce) {
  for (const std::int32_t wrong : {-1, 3}) {
    const Tensor logits = reals({2, 3}).to(kDevice), out = result({2, 3}).to(kDevice);
    const Tensor loss = result({}).to(kDevice);
    const Tensor label = Tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{0, wrong});
    device().softmax_cross_entropy(logits, label.to(kDevice), 0, out, loss);
    EXPECT_THROW((void)loss.to({}), ArgumentError);
    EXPECT_NO_THROW((void)loss.to({}));
    EXPECT_NO_THROW(device().synchronize());
  }
}

// More tensors than one launch takes, of very different sizes.
std::vector<Tensor> many_tensors() {
  std::vector<Tensor> result;
  for (int i = 0; i < 50; ++i) result.push_back(reals({i == 7 ? 3000 : i % 5 * 13}));
  return result;
}

// All tensors of the test in one list: weights, gradients, then the optimizer's state.
std::vector<Tensor> optimizer_tensors(int arrays) {
  std::vector<Tensor> result;
  for (int array = 0; array < arrays; ++array)
    for (const Tensor& t : many_tensors()) {
      result.push_back(t.clone());
      for (float& v : result.back().values<float>())
        v = array == 3 ? v * v : v * float(array + 1) * 0.25f;
    }
  return result;
}

TEST_F(Training, SgdMatchesTheCpu) {
  for (int flags = 0; flags < 8; ++flags) {
    SgdOptions options{.weight_decay = 0.01f, .gradient_scale = 0.5f};
    options.momentum = flags & 1 ? 0.9f : 0.0f;
    options.nesterov = flags & 2;
    options.first_step = flags & 4;
    SCOPED_TRACE(fmt::format("flags {}", flags));
    expect_parity(
        optimizer_tensors(3),
        [&](Backend& b, const std::vector<Tensor>& t) {
          std::vector<SgdTensors> tensors;
          for (std::size_t i = 0; i < 50; ++i) tensors.push_back({t[i], t[50 + i], t[100 + i]});
          b.sgd_step(options, tensors);
        },
        1e-6f);
  }
}

TEST_F(Training, AdamMatchesTheCpu) {
  for (const bool decoupled : {false, true}) {
    const AdamOptions options{.learning_rate = 0.01f,
                              .weight_decay = 0.1f,
                              .decoupled = decoupled,
                              .step = 3,
                              .gradient_scale = 2};
    expect_parity(
        optimizer_tensors(4),
        [&](Backend& b, const std::vector<Tensor>& t) {
          std::vector<AdamTensors> tensors;
          for (std::size_t i = 0; i < 50; ++i)
            tensors.push_back({t[i], t[50 + i], t[100 + i], t[150 + i]});
          b.adam_step(options, tensors);
        },
        2e-6f);
  }
}

// conv – bn – relu – conv – bn – (+ shortcut, relu) – conv/2 – pool – linear – loss: one of each
// kind of layer that a residual network has.
struct Network {
  Graph graph;

  Network() {
    const NodeId image = graph.add_input("image", {1, 6, 6, 3});
    const NodeId label = graph.add_input("label", {1});
    const NodeId first = normalized("stem", convolution("stem", image, 3, 8, {1, 1, 1}), 8, true);
    const NodeId inner = normalized("a", convolution("a", first, 8, 8, {1, 1, 1}), 8, true);
    const NodeId second = normalized("b", convolution("b", inner, 8, 8, {1, 1, 1}), 8, false);
    const NodeId sum = graph.add("sum", std::make_shared<Add>(), {second, first});
    const NodeId relu = graph.add("relu", std::make_shared<Map>(Unary::relu), {sum});
    const NodeId last = convolution("c", relu, 8, 16, {2, 1, 1});
    const NodeId pooled =
        graph.add("pool", std::make_shared<Pool>(PoolOptions{PoolKind::average, 0, 1, 0}), {last});
    const NodeId w = graph.add_parameter("linear.weight", reals({16, 4}, -0.5f, 0.5f));
    const NodeId b = graph.add_parameter("linear.bias", reals({4}, -0.1f, 0.1f));
    const NodeId logits = graph.add("linear", std::make_shared<Linear>(true), {pooled, w, b});
    graph.set_output(
        graph.add("loss", std::make_shared<SoftmaxCrossEntropy>(0.1f), {logits, label}));
  }

 private:
  NodeId convolution(const std::string& name, NodeId x, int in, int out, ConvOptions options) {
    const NodeId w = graph.add_parameter(name + ".weight", reals({3, 3, in, out}, -0.3f, 0.3f));
    return graph.add(name, std::make_shared<Conv2d>(options), {x, w});
  }
  NodeId normalized(const std::string& name, NodeId x, int channels, bool relu) {
    const Shape shape{channels};
    const std::string norm = name + ".norm";
    const NodeId gamma = graph.add_parameter(norm + ".gamma", reals(shape, 0.5f, 1.5f));
    const NodeId beta = graph.add_parameter(norm + ".beta", reals(shape, -0.5f, 0.5f));
    const NodeId mean = graph.add_buffer(norm + ".mean", Tensor::zeros(shape, DType::float32));
    const NodeId var = graph.add_buffer(norm + ".var", Tensor::full(shape, 1));
    return graph.add(norm, std::make_shared<BatchNorm>(BatchNormOptions{1e-5f, 0.1f, relu}),
                     {x, gamma, beta, mean, var});
  }
};

// The losses of a few SGD steps on one batch.
std::vector<float> train(const Graph& model, Device device, int steps) {
  const Graph graph = model.copied_to(device);
  const std::vector<Tensor> batch = {reals({6, 6, 6, 3}).to(device), labels(6, 4).to(device)};
  std::vector<SgdTensors> state;
  std::vector<float> losses;
  for (int step = 0; step < steps; ++step) {
    TrainingPass pass(graph, {.training = true, .seed = 1, .step = std::uint64_t(step)});
    losses.push_back(pass.forward(batch).to({}).values<float>()[0]);
    const std::vector<Tensor> gradients = pass.backward();
    std::size_t next = 0;
    for (const NodeId node : graph.of_kind(NodeKind::parameter)) {
      const Tensor& weight = graph[node].value;
      if (step == 0)
        state.push_back({weight, {}, Tensor::zeros(weight.shape(), DType::float32, device)});
      state[next++].gradient = gradients[std::size_t(node)];
    }
    backend(device).sgd_step(
        {.learning_rate = 0.05f, .weight_decay = 1e-4f, .first_step = step == 0}, state);
  }
  return losses;
}

TEST_F(Training, AResidualNetworkLearnsAsOnTheCpu) {
  const Network network;
  constexpr int steps = 5;
  const std::vector<float> expected = train(network.graph, {}, steps);
  EXPECT_LT(expected.back(), 0.9f * expected.front());  // it does learn
  for (int order = 0; order < thread_orders(); ++order) {
    set_thread_order(order);
    const std::vector<float> losses = train(network.graph, kDevice, steps);
    for (int step = 0; step < steps; ++step)
      EXPECT_NEAR(losses[std::size_t(step)], expected[std::size_t(step)], 2e-5f) << "step " << step;
  }
}

// Rounded products, everything else in float: close to the CPU's losses, and it learns as well.
TEST_F(Training, AResidualNetworkLearnsWithRoundedProducts) {
  const Network network;
  constexpr int steps = 5;
  const std::vector<float> expected = train(network.graph, {}, steps);
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    device().set_precision(precision);
    const std::vector<float> losses = train(network.graph, kDevice, steps);
    device().set_precision(Precision::float32);
    const float tolerance = precision == Precision::bf16 ? 2e-2f : 2e-3f;
    for (int step = 0; step < steps; ++step)
      EXPECT_NEAR(losses[std::size_t(step)], expected[std::size_t(step)], tolerance)
          << "step " << step;
    EXPECT_NE(losses, expected);  // something was rounded
  }
}

TEST_F(Training, EvaluationMatchesTheCpu) {
  const Network network;
  const std::vector<Tensor> batch = {reals({2, 6, 6, 3}), labels(2, 4)};
  const float expected = evaluate(network.graph, batch).values<float>()[0];
  const std::vector<Tensor> there = {batch[0].to(kDevice), batch[1].to(kDevice)};
  const Tensor loss = evaluate(network.graph.copied_to(kDevice), there).to({});
  EXPECT_NEAR(loss.values<float>()[0], expected, 1e-5f);
}

}  // namespace
}  // namespace hush::cuda
