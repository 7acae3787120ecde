#include "nn/replacement_statistics.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops/batch_norm.h"
#include "core/ops/gated_activation.h"
#include "nn/evaluation.h"

namespace hush::nn {
namespace {

// Inputs of activations are of the order of 1 behind a norm, and of 10 on a residual stream.
constexpr float kRanAway = 1e4f;

// Calls f(layer index, x on the host) with the input of each gated activation.
template <class F>
void for_each_input(const Graph& graph, const std::vector<GatedLayer>& layers, const Tensor& images,
                    F f) {
  const std::array inputs{images.to(device_of(graph))};
  const auto observe = [&](NodeId node, const Tensor& value) {
    for (std::size_t i = 0; i < layers.size(); ++i)
      if (layers[i].input == node) f(i, value.to(Device{}));
  };
  observe(graph.of_kind(NodeKind::input).front(), images);
  evaluate(graph, inputs, {}, observe);
}

std::span<const float> host_values(const Tensor& host) {
  return host.values<float>();
}

PolynomialError error_of(const GatedLayer& layer, const Tensor& x, const Tensor& mean,
                         const Tensor& variance) {
  constexpr std::size_t kKinds = std::tuple_size_v<decltype(PolynomialError::relative)>;
  const auto channels = std::size_t(mean.elements());
  std::vector<std::array<Polynomial, kKinds>> fits(channels);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t kind = 0; kind < kKinds; ++kind)
      fits[c][kind] = polynomial_for(PolynomialKind(kind), double(host_values(mean)[c]),
                                     std::sqrt(double(host_values(variance)[c])),
                                     {.quadratic_limit = INFINITY});
  PolynomialError result{.layer = layer.name, .in_stream = layer.in_stream, .relative = {}};
  double power = 0;
  const auto values = host_values(x);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double z = double(values[i]), relu = std::max(z, 0.0);
    power += relu * relu;
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const double miss = relu - fits[i % channels][kind](z);
      result.relative[kind] += miss * miss;
    }
  }
  for (double& sum : result.relative) sum = power > 0 ? std::sqrt(sum / power) : 0;
  return result;
}

// A tensor [C] that moves towards each training batch's value with that weight.
struct RunningValue {
  Tensor tensor;
  float momentum;
};

std::vector<RunningValue> running_values(const Graph& graph) {
  std::vector<RunningValue> result;
  for (const Node& node : graph.nodes()) {
    float momentum = 0;
    if (const auto* norm = dynamic_cast<const BatchNorm*>(node.op.get()))
      momentum = norm->options().momentum;
    else if (const auto* gated = dynamic_cast<const GatedActivation*>(node.op.get()))
      momentum = gated->momentum();
    else
      continue;
    for (const std::size_t input : {3, 4})  // running mean and running variance of both ops
      result.push_back({graph[node.inputs[input]].value, momentum});
  }
  return result;
}

// The median of numbers of which some may have overflowed. Reorders them.
float median(std::span<float> values) {
  for (float& x : values) x = std::isnan(x) ? INFINITY : x;
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The median over the samples of each element, divided by `divisor`.
Tensor medians(const std::vector<Tensor>& samples, float divisor) {
  Tensor result = samples.front().clone();
  std::vector<float> column(samples.size());
  for (std::size_t c = 0; c < result.values<float>().size(); ++c) {
    for (std::size_t i = 0; i < samples.size(); ++i) column[i] = samples[i].values<float>()[c];
    result.values<float>()[c] = median(column) / divisor;
  }
  return result;
}

// The largest magnitude of each channel of x [N, …, C] on the host.
std::vector<float> largest_by_channel(const Tensor& x) {
  std::vector<float> result(std::size_t(x.shape()[-1]));
  const auto values = host_values(x);
  for (std::size_t i = 0; i < values.size(); i += result.size())
    for (std::size_t c = 0; c < result.size(); ++c)
      // What is no number stays, for the median to see.
      if (const float reach = std::abs(values[i + c]); std::isnan(reach) || reach > result[c])
        result[c] = reach;
  return result;
}

}  // namespace

void calibrate(const Graph& graph, BatchSource& source, std::int64_t batches) {
  const Device device = device_of(graph);
  const std::vector<RunningValue> running = running_values(graph);
  std::vector<std::vector<Tensor>> samples(running.size());
  source.start_epoch(0, 0);
  for (std::int64_t i = 0; i < batches; ++i) {
    const std::optional<Batch> batch = source.next();
    if (!batch) break;
    // From zero, a running value holds `momentum` times the batch's own after one pass.
    for (const RunningValue& value : running) value.tensor.zero();
    const std::array inputs{batch->images.to(device)};
    evaluate(graph, inputs, {.training = true});
    for (std::size_t k = 0; k < running.size(); ++k)
      samples[k].push_back(running[k].tensor.to(Device{}).clone());
  }
  for (std::size_t k = 0; k < running.size(); ++k)
    if (!samples[k].empty()) running[k].tensor.assign(medians(samples[k], running[k].momentum));
}

std::vector<std::vector<float>> measure_reach(const Graph& graph,
                                              const std::vector<GatedLayer>& layers,
                                              BatchSource& source, std::int64_t batches) {
  std::vector<std::vector<std::vector<float>>> samples(layers.size());  // layer, batch, channel
  source.start_epoch(0, 0);
  for (std::int64_t i = 0; i < batches; ++i) {
    const std::optional<Batch> batch = source.next();
    if (!batch) break;
    for_each_input(graph, layers, batch->images, [&](std::size_t layer, const Tensor& x) {
      samples[layer].push_back(largest_by_channel(x));
    });
  }
  std::vector<std::vector<float>> result(layers.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    std::vector<float> column(samples[layer].size());
    for (std::size_t c = 0; !column.empty() && c < samples[layer].front().size(); ++c) {
      for (std::size_t i = 0; i < column.size(); ++i) column[i] = samples[layer][i][c];
      result[layer].push_back(median(column));
    }
  }
  return result;
}

int limit_tails(const Graph& graph, const std::vector<GatedLayer>& layers,
                const PolynomialChoice& choice, BatchSource& source, std::int64_t batches) {
  constexpr int kMostRounds = 6;
  if (choice.kind != PolynomialKind::dapa2 ||
      !std::isfinite(std::min(choice.branch.tail_limit, choice.stream.tail_limit))) {
    refresh_coefficients(graph, layers, choice);
    return 0;
  }
  for (int round = 1;; ++round) {
    const auto reach = measure_reach(graph, layers, source, batches);
    refresh_coefficients(graph, layers, choice, reach);
    float farthest = 0;
    for (const std::vector<float>& layer : reach)
      for (const float channel : layer) farthest = std::max(farthest, channel);
    if (farthest <= kRanAway) return round;
    if (round == kMostRounds) {
      if (std::isfinite(farthest)) return round;
      throw NumericError(
          "replacement: activations are infinite without any polynomial's help; "
          "did training diverge? Use a smaller --lr or more epochs");
    }
    calibrate(graph, source, batches);
  }
}

std::vector<PolynomialError> measure_polynomials(const Graph& graph,
                                                 const std::vector<GatedLayer>& layers,
                                                 const Tensor& images) {
  std::vector<PolynomialError> result(layers.size());
  for_each_input(graph, layers, images, [&](std::size_t i, const Tensor& x) {
    result[i] = error_of(layers[i], x, graph[layers[i].mean].value.to(Device{}),
                         graph[layers[i].variance].value.to(Device{}));
  });
  return result;
}

void measure_importance(const Graph& graph, const std::vector<GatedLayer>& layers,
                        const Tensor& images, const Indicators& indicators) {
  for_each_input(graph, layers, images, [&](std::size_t i, const Tensor& x) {
    const Tensor coefficients = graph[layers[i].coefficients].value.to(Device{});
    const Tensor variance = graph[layers[i].variance].value.to(Device{});
    const auto c = host_values(coefficients);
    const auto channels = std::size_t(variance.elements());
    const auto worth = indicators.auxiliary()[i].value.values<float>();
    std::vector<double> sums(worth.size());
    const auto values = host_values(x);
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::size_t channel = k % channels;
      const Polynomial g{double(c[channel]), double(c[channels + channel]),
                         double(c[2 * channels + channel])};
      const double z = double(values[k]), miss = std::max(z, 0.0) - g(z);
      sums[k % sums.size()] += miss * miss;
    }
    const double images_count =
        double(values.size()) / double(std::max<std::size_t>(1, sums.size()));
    for (std::size_t k = 0; k < sums.size(); ++k)
      worth[k] =
          float(sums[k] / images_count / (double(host_values(variance)[k % channels]) + 1e-12));
  });
}

}  // namespace hush::nn
