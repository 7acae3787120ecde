#include "mpc/secure/model.h"

#include <algorithm>

#include "mpc/online/ring_tensor.h"

namespace hush::mpc {
namespace {

// The values of one query, each kept until its last use.
class QueryValues {
 public:
  QueryValues(const SecureNetwork& network, std::int64_t batch)
      : network_(network),
        batch_(batch),
        values_(network.values().size()),
        uses_(network.values().size()) {
    for (const Wave& wave : network.waves())
      for (const auto* steps : {&wave.local, &wave.interactive})
        for (const Step* step : *steps)
          for (const int input : step->inputs()) ++uses_[std::size_t(input)];
    ++uses_[std::size_t(network.output())];
  }

  void set(int value, Share share) { values_[std::size_t(value)] = std::move(share); }
  const Share& get(int value) const { return values_[std::size_t(value)]; }

  StepArguments arguments(const Step& step) {
    StepArguments arguments;
    for (const int input : step.inputs()) arguments.inputs.push_back(get(input));
    const Shape shape = network_.values()[std::size_t(step.output())].shape.with(0, batch_);
    arguments.output.part = Tensor::empty(shape, DType::ring64);
    set(step.output(), arguments.output);
    return arguments;
  }
  void release_inputs(const Step& step) {
    for (const int input : step.inputs())
      if (--uses_[std::size_t(input)] == 0) values_[std::size_t(input)] = {};
  }

 private:
  const SecureNetwork& network_;
  std::int64_t batch_;
  std::vector<Share> values_;
  std::vector<int> uses_;
};

}  // namespace

std::optional<PreparedInput> PreparedQuery::take(std::size_t product) {
  if (inputs_.empty()) return std::nullopt;
  return std::move(inputs_.at(product));
}

SecureModel::SecureModel(const SecureNetwork& network) : network_(network) {
  for (const ProductStep* product : network.products()) {
    LoadedProduct loaded;
    if (product->interactive()) loaded.layer.emplace(product->layer());
    loaded_.push_back(std::move(loaded));
  }
}

Conversation SecureModel::set_up(Party& party, SecureWeights weights) {
  const WeightMode mode = network_.options().weights;
  const bool has_weights = mode != WeightMode::owner || party.first();
  const bool has_bias = mode == WeightMode::shared || party.first();
  require(!has_weights ||
              (weights.weights.size() == loaded_.size() && weights.biases.size() == loaded_.size()),
          "secure model: {} weights for {} layers", weights.weights.size(), loaded_.size());
  std::vector<Conversation> openings;
  for (std::size_t i = 0; i < loaded_.size(); ++i) {
    const ProductStep& product = *network_.products()[i];
    const Tensor weight = has_weights ? weights.weights[i] : Tensor();
    if (product.options().bias && has_bias) loaded_[i].bias = weights.biases[i];
    if (product.interactive())
      openings.push_back(loaded_[i].layer->set_up(party, weight));
    else
      loaded_[i].open = KeptWeights(product.options().op, weight, product.options().scale_bits);
  }
  Conversation joint = together(std::move(openings));
  co_await joint;
  // The layers have made of the weights what they need.
  if (mode != WeightMode::open)
    for (const Tensor& weight : weights.weights)
      if (weight.unique()) wipe(weight);
  ready_ = true;
}

PreparedQuery SecureModel::prepare(CorrelationSource& source, std::int64_t batch) const {
  require(ready_, "secure model: prepare before set_up");
  require(batch > 0, "secure model: a batch of {} images", batch);
  std::vector<PreparedInput> inputs;
  if (network_.options().weights == WeightMode::open) return {batch, std::move(inputs)};
  for (const LoadedProduct& loaded : loaded_) {
    inputs.push_back(loaded.layer->prepare(source, batch));
    if (!loaded.bias.defined()) continue;
    const auto bias = loaded.bias.values<Ring>();
    const auto u = inputs.back().u().values<Ring>();
    for (std::size_t i = 0; i < u.size(); i += bias.size())
      for (std::size_t k = 0; k < bias.size(); ++k) u[i + k] += bias[k];
  }
  return {batch, std::move(inputs)};
}

Conversation SecureModel::infer(Party& party, PreparedQuery query, Share images, Share logits,
                                WaveObserver observer, ShareObserver inspect) const {
  require(images.shape() == network_.input_shape(query.batch()) &&
              logits.shape() == network_.output_shape(query.batch()),
          "secure model: {} to {} for a query of {} images", images.part.text(), logits.part.text(),
          query.batch());
  QueryValues values(network_, query.batch());
  values.set(network_.input(), images);
  std::size_t number = 0;
  for (const Wave& wave : network_.waves()) {
    for (const auto* steps : {&wave.local, &wave.interactive}) {
      std::vector<Conversation> conversations;
      for (const Step* step : *steps) {
        StepArguments arguments = values.arguments(*step);
        if (const int product = network_.product_index(*step); product >= 0) {
          arguments.loaded = &loaded_[std::size_t(product)];
          arguments.prepared = query.take(std::size_t(product));
        }
        if (inspect) inspect(*step, arguments.inputs.front());
        Conversation conversation = step->run(party, std::move(arguments));
        if (step->interactive())
          conversations.push_back(std::move(conversation));
        else
          co_await conversation;
      }
      if (conversations.size() == 1) {
        const Conversation& alone = conversations.front();
        co_await alone;
      } else if (!conversations.empty()) {
        Conversation joint = together(std::move(conversations));
        co_await joint;
      }
      for (const Step* step : *steps) values.release_inputs(*step);
      if (observer) observer(number, steps == &wave.interactive);
    }
    ++number;
  }
  logits.part.assign(values.get(network_.output()).part);
}

}  // namespace hush::mpc
