#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/backend.h"

namespace hush::nn {
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters)) {
    if (options.momentum != 0) momentum_ = zeros_like_parameters("momentum.");
  }

  std::vector<NamedTensor> state() const override { return momentum_; }

 protected:
  void step_group(double learning_rate, float weight_decay, float gradient_scale,
                  std::span<const std::size_t> group, std::span<const Tensor> gradients) override {
    std::vector<SgdTensors> tensors;
    tensors.reserve(group.size());
    for (const std::size_t i : group)
      tensors.push_back(
          {parameters()[i].value, gradients[i], momentum_.empty() ? Tensor() : momentum_[i].value});
    const SgdOptions step_options{.learning_rate = float(learning_rate),
                                  .momentum = options().momentum,
                                  .weight_decay = weight_decay,
                                  .nesterov = options().nesterov,
                                  .first_step = steps() == 0,
                                  .gradient_scale = gradient_scale};
    backend(tensors.front().weight.device()).sgd_step(step_options, tensors);
  }

 private:
  std::vector<NamedTensor> momentum_;  // by parameter; empty without momentum
};

// Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019).
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
      : Optimizer(options, std::move(parameters)),
        mean_(zeros_like_parameters("mean.")),
        variance_(zeros_like_parameters("variance.")) {}

  std::vector<NamedTensor> state() const override {
    std::vector<NamedTensor> result = mean_;
    result.insert(result.end(), variance_.begin(), variance_.end());
    return result;
  }

 protected:
  void step_group(double learning_rate, float weight_decay, float gradient_scale,
                  std::span<const std::size_t> group, std::span<const Tensor> gradients) override {
    std::vector<AdamTensors> tensors;
    tensors.reserve(group.size());
    for (const std::size_t i : group)
      tensors.push_back({parameters()[i].value, gradients[i], mean_[i].value, variance_[i].value});
    const AdamOptions step_options{.learning_rate = float(learning_rate),
                                   .beta1 = options().beta1,
                                   .beta2 = options().beta2,
                                   .epsilon = options().epsilon,
                                   .weight_decay = weight_decay,
                                   .decoupled = options().kind == OptimizerKind::adamw,
                                   .step = steps() + 1,
                                   .gradient_scale = gradient_scale};
    backend(tensors.front().weight.device()).adam_step(step_options, tensors);
  }

 private:
  std::vector<NamedTensor> mean_, variance_;  // by parameter
};

}  // namespace

OptimizerKind parse_optimizer_kind(std::string_view name) {
  if (name == "sgd") return OptimizerKind::sgd;
  if (name == "adam") return OptimizerKind::adam;
  require(name == "adamw", "no optimizer '{}'; there are sgd, adam and adamw", name);
  return OptimizerKind::adamw;
}

Optimizer::Optimizer(const OptimizerOptions& options, std::vector<NamedTensor> parameters)
    : options_(options),
      parameters_(std::move(parameters)),
      groups_{{options.weight_decay, {}}, {0, {}}} {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const bool exempt = !options.decay_all && parameters_[i].value.shape().rank() <= 1;
    groups_[exempt ? 1 : 0].members.push_back(i);
  }
  std::erase_if(groups_, [](const Group& group) { return group.members.empty(); });
}

void Optimizer::step(double learning_rate, std::span<const Tensor> gradients,
                     float gradient_scale) {
  require(gradients.size() == parameters_.size(), "optimizer: {} gradients for {} parameters",
          gradients.size(), parameters_.size());
  for (const Group& group : groups_)
    step_group(learning_rate, group.weight_decay, gradient_scale, group.members, gradients);
  ++steps_;
}

std::vector<NamedTensor> Optimizer::zeros_like_parameters(std::string_view prefix) const {
  std::vector<NamedTensor> result;
  result.reserve(parameters_.size());
  for (const auto& [name, value] : parameters_)
    result.push_back(
        {std::string(prefix) + name, Tensor::zeros(value.shape(), value.dtype(), value.device())});
  return result;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<NamedTensor> parameters) {
  const auto is_fraction = [](float x) { return x >= 0 && x < 1; };
  require(is_fraction(options.momentum) && is_fraction(options.beta1) && is_fraction(options.beta2),
          "optimizer: momentum {}, betas {} and {} must lie in [0, 1)", options.momentum,
          options.beta1, options.beta2);
  require(options.weight_decay >= 0 && options.epsilon >= 0,
          "optimizer: weight decay {} and epsilon {} must not be negative", options.weight_decay,
          options.epsilon);
  require(!options.nesterov || options.momentum > 0, "optimizer: Nesterov needs a momentum");

  if (options.kind == OptimizerKind::sgd)
    return std::make_unique<Sgd>(options, std::move(parameters));
  return std::make_unique<Adam>(options, std::move(parameters));
}

std::vector<NamedTensor> named_parameters(const Graph& graph) {
  std::vector<NamedTensor> result;
  for (const NodeId node : graph.of_kind(NodeKind::parameter))
    result.push_back({graph[node].name, graph[node].value});
  return result;
}

double gradient_norm(std::span<const Tensor> gradients) {
  if (gradients.empty()) return 0;
  return std::sqrt(backend(gradients.front().device()).sum_of_squares(gradients));
}

float clipping_scale(double norm, double limit) {
  return float(std::min(1.0, limit / (norm + 1e-6)));
}

}  // namespace hush::nn
