#include "nn/replacement_indicators.h"

#include <algorithm>
#include <cmath>

#include "nn/init.h"

namespace hush::nn {
namespace {

// Uniform in (0, 1), both ends left out.
Tensor uniform_inside(const Shape& shape, std::uint64_t seed, std::string_view name) {
  Tensor result = Tensor::empty(shape, DType::float32);
  RandomStream stream = parameter_stream(seed, name);
  for (float& x : result.values<float>()) x = std::max(stream.uniform(), 0x1p-25f);
  return result;
}

}  // namespace

float indicator_slope(float auxiliary) {
  return std::max(auxiliary, 0.0f) + std::log1p(std::exp(-std::abs(auxiliary)));
}

float hysteresis(float indicator, float auxiliary, float threshold) {
  return auxiliary > (indicator != 0 ? -threshold : threshold) ? 1.0f : 0.0f;
}

Indicators::Indicators(const Graph& graph, const std::vector<GatedLayer>& layers,
                       std::uint64_t seed) {
  for (const GatedLayer& layer : layers) {
    in_graph_.push_back(graph[layer.gate].value);
    const Shape& shape = in_graph_.back().shape();
    gates_.push_back(Tensor::full(shape, 1));
    const std::string name = layer.name + ".auxiliary";
    auxiliary_.push_back({name, uniform_inside(shape, seed, name)});
    total_ += layer.elements;
  }
}

void Indicators::publish() const {
  for (std::size_t i = 0; i < gates_.size(); ++i) in_graph_[i].assign(gates_[i]);
}

void Indicators::fetch() {
  for (std::size_t i = 0; i < gates_.size(); ++i) gates_[i].assign(in_graph_[i]);
}

std::int64_t Indicators::open() const {
  std::int64_t sum = 0;
  for (const std::int64_t count : open_by_layer()) sum += count;
  return sum;
}

std::vector<std::int64_t> Indicators::open_by_layer() const {
  std::vector<std::int64_t> result;
  result.reserve(gates_.size());
  for (const Tensor& gate : gates_)
    result.push_back(std::ranges::count_if(gate.values<float>(), [](float m) { return m != 0; }));
  return result;
}

std::vector<Tensor> Indicators::gradients(std::span<const Tensor> d_gates, double penalty) const {
  require(d_gates.size() == gates_.size(), "indicators: {} gradients for {} layers", d_gates.size(),
          gates_.size());
  std::vector<Tensor> result;
  result.reserve(gates_.size());
  for (std::size_t layer = 0; layer < gates_.size(); ++layer) {
    Tensor gradient =
        d_gates[layer].device() == Device{} ? d_gates[layer].clone() : d_gates[layer].to(Device{});
    const auto values = gradient.values<float>();
    const auto auxiliary = auxiliary_[layer].value.values<float>();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = (values[i] + float(penalty)) * indicator_slope(auxiliary[i]);
    result.push_back(std::move(gradient));
  }
  return result;
}

std::int64_t Indicators::follow(float threshold) {
  std::int64_t flips = 0;
  for (std::size_t layer = 0; layer < gates_.size(); ++layer) {
    const auto gates = gates_[layer].values<float>();
    const auto auxiliary = auxiliary_[layer].value.values<float>();
    for (std::size_t i = 0; i < gates.size(); ++i) {
      const float next = hysteresis(gates[i], auxiliary[i], threshold);
      flips += next != gates[i] ? 1 : 0;
      gates[i] = next;
    }
  }
  return flips;
}

std::int64_t Indicators::project(std::int64_t budget) {
  require(budget >= 0 && budget <= total_, "indicators: {} of {} cannot stay", budget, total_);
  struct Element {
    bool open;
    float auxiliary;
    std::size_t order;
    float* gate;
  };
  std::vector<Element> elements;
  elements.reserve(std::size_t(total_));
  for (std::size_t layer = 0; layer < gates_.size(); ++layer) {
    const auto gates = gates_[layer].values<float>();
    const auto auxiliary = auxiliary_[layer].value.values<float>();
    for (std::size_t i = 0; i < gates.size(); ++i)
      elements.push_back({gates[i] != 0, auxiliary[i], elements.size(), &gates[i]});
  }
  const auto more_valuable = [](const Element& a, const Element& b) {
    if (a.open != b.open) return a.open;
    if (a.auxiliary != b.auxiliary) return a.auxiliary > b.auxiliary;
    return a.order < b.order;
  };
  const auto border = elements.begin() + budget;
  std::nth_element(elements.begin(), border, elements.end(), more_valuable);
  std::int64_t flips = 0;
  for (auto element = elements.begin(); element != elements.end(); ++element) {
    const float next = element < border ? 1.0f : 0.0f;
    flips += element->open != (next != 0) ? 1 : 0;
    *element->gate = next;
  }
  return flips;
}

}  // namespace hush::nn
