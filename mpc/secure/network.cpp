#include "mpc/secure/network.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "mpc/secure/activation_step.h"
#include "mpc/secure/gates.h"

namespace hush::mpc {
namespace {

Tensor encoded(const Tensor& values, double factor, int scale) {
  Tensor words = Tensor::empty(values.shape(), DType::ring64);
  for (std::size_t i = 0; i < words.values<Ring>().size(); ++i)
    words.values<Ring>()[i] = encode_at(factor * double(values.values<float>()[i]), scale);
  return words;
}

}  // namespace

SecureNetwork::SecureNetwork(const Graph& graph, const SecureOptions& options)
    : options_(options), lowered_(lower(graph, options)) {
  schedule();
}

void SecureNetwork::schedule() {
  std::vector<char> ready(lowered_.values.size());
  ready[std::size_t(lowered_.input)] = 1;
  std::vector<const Step*> waiting;
  for (const auto& step : lowered_.steps) waiting.push_back(step.get());
  const auto take_ready = [&](bool interactive, std::vector<const Step*>& taken) {
    const auto is_ready = [&](const Step* step) {
      return step->interactive() == interactive &&
             std::ranges::all_of(step->inputs(), [&](int v) { return ready[std::size_t(v)] != 0; });
    };
    // In order, and a local step makes others ready at once.
    for (std::size_t i = 0; i < waiting.size();) {
      if (!is_ready(waiting[i])) {
        ++i;
        continue;
      }
      taken.push_back(waiting[i]);
      if (!interactive) ready[std::size_t(waiting[i]->output())] = 1;
      waiting.erase(waiting.begin() + std::ptrdiff_t(i));
      if (!interactive) i = 0;
    }
  };
  while (!waiting.empty()) {
    Wave wave;
    take_ready(false, wave.local);
    take_ready(true, wave.interactive);
    for (const Step* step : wave.interactive) ready[std::size_t(step->output())] = 1;
    waves_.push_back(std::move(wave));
  }
}

int SecureNetwork::product_index(const Step& step) const {
  const auto found = std::ranges::find(lowered_.products, &step,
                                       [](const ProductStep* p) -> const Step* { return p; });
  return found == lowered_.products.end() ? -1 : int(found - lowered_.products.begin());
}

Shape SecureNetwork::input_shape(std::int64_t batch) const {
  return lowered_.values[std::size_t(lowered_.input)].shape.with(0, batch);
}

Shape SecureNetwork::output_shape(std::int64_t batch) const {
  return lowered_.values[std::size_t(lowered_.output)].shape.with(0, batch);
}

Tensor SecureNetwork::encode_images(const Tensor& images) const {
  require(images.shape().rank() == 4 && images.shape() == input_shape(images.shape()[0]),
          "secure inference: images {} for a network that takes {}", images.shape().text(),
          input_shape(1).text());
  return encoded(images, 1, lowered_.values[std::size_t(lowered_.input)].scale);
}

Tensor SecureNetwork::decode_logits(const Tensor& words) const {
  const ValueInfo& value = lowered_.values[std::size_t(lowered_.output)];
  Tensor logits = Tensor::empty(words.shape(), DType::float32);
  for (std::size_t i = 0; i < logits.values<float>().size(); ++i)
    logits.values<float>()[i] = float(
        std::ldexp(double(std::int64_t(words.values<Ring>()[i])), -value.scale) * value.factor);
  return logits;
}

SecureWeights SecureNetwork::weights() const {
  SecureWeights result;
  for (const PlainWeights& plain : lowered_.weights) {
    result.weights.push_back(encoded(plain.weight, plain.factor, plain.weight_scale));
    result.biases.push_back(plain.bias.defined() ? encoded(plain.bias, 1, plain.bias_scale)
                                                 : Tensor());
  }
  return result;
}

SecureWeights SecureNetwork::empty_weights() const {
  SecureWeights result;
  for (const PlainWeights& plain : lowered_.weights) {
    result.weights.push_back(Tensor::zeros(plain.weight.shape(), DType::ring64));
    result.biases.push_back(plain.bias.defined() ? Tensor::zeros(plain.bias.shape(), DType::ring64)
                                                 : Tensor());
  }
  return result;
}

Demand SecureNetwork::demand_set_up() const {
  Demand demand;
  if (options_.weights == WeightMode::open) return demand;
  for (const ProductStep* product : lowered_.products) product->layer().demand_set_up(demand);
  return demand;
}

Cost SecureNetwork::cost_set_up() const {
  Cost cost;
  if (options_.weights == WeightMode::open) return cost;
  for (const ProductStep* product : lowered_.products)
    cost = together(cost, product->layer().predict_set_up());
  return cost;
}

Demand SecureNetwork::demand(std::int64_t batch) const {
  Demand demand;
  for (const auto& step : lowered_.steps) step->demand(demand, batch);
  return demand;
}

Cost SecureNetwork::cost(const Wave& wave, std::int64_t batch) const {
  Cost cost;
  for (const Step* step : wave.interactive) cost = together(cost, step->cost(batch));
  return cost;
}

Cost SecureNetwork::cost(std::int64_t batch) const {
  Cost sum;
  // Rounds are those of the logical clock that traffic.h describes. What party 1 alone sends (the
  // masked inputs of an owner's layers) and its next message need not wait for an answer.
  std::array<std::uint64_t, 2> clocks{};
  for (const Wave& wave : waves_) {
    const Cost one = cost(wave, batch);
    sum = sum + one;
    const bool one_way = one.bytes_sent[0] == 0;
    for (std::uint64_t round = 0; round < one.rounds; ++round) {
      const auto before = clocks;
      clocks[0] = std::max(before[0], before[1] + 1);
      if (!one_way) clocks[1] = std::max(before[1], before[0] + 1);
    }
  }
  sum.rounds = std::max(clocks[0], clocks[1]);
  return sum;
}

SecureNetwork::Counts SecureNetwork::counts() const {
  Counts counts;
  for (const ProductStep* product : lowered_.products) counts.macs += product->macs();
  for (const auto& step : lowered_.steps)
    if (const auto* activation = dynamic_cast<const ActivationStep*>(step.get())) {
      counts.relus += activation->relus();
      counts.polynomials += activation->polynomials();
    }
  return counts;
}

std::string SecureNetwork::text() const {
  std::string text = options_.text() + "\n";
  for (const auto& step : lowered_.steps) {
    const ValueInfo& value = lowered_.values[std::size_t(step->output())];
    text += fmt::format("{} ({}) -> {} scale {} factor {}: {}\n", step->name(),
                        fmt::join(step->inputs(), ", "), step->output(), value.scale, value.factor,
                        step->text());
  }
  return text + fmt::format("input {} output {}\n", lowered_.input, lowered_.output);
}

}  // namespace hush::mpc
