// Optimizers: SGD with momentum, Adam, AdamW. Same formulas and same order of operations as
// PyTorch's, over all parameters in one call of the backend.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/graph.h"
#include "nn/named_tensor.h"

namespace hush::nn {

enum class OptimizerKind : std::uint8_t { sgd, adam, adamw };

// "sgd", "adam" or "adamw"; throws ArgumentError for anything else.
OptimizerKind parse_optimizer_kind(std::string_view name);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  float momentum = 0.9f;  // sgd
  bool nesterov = false;  // sgd
  float beta1 = 0.9f;     // adam, adamw
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0;
  // Otherwise only weights of convolutions and linear layers decay: parameters of rank 0 and 1,
  // which are biases and batch norms, do not.
  bool decay_all = true;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Changes the parameters in place. `gradients` in the order of the parameters, each first
  // multiplied by gradient_scale (clipping).
  void step(double learning_rate, std::span<const Tensor> gradients, float gradient_scale = 1);

  // Steps done so far.
  std::int64_t steps() const { return steps_; }
  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  // Everything besides `steps` that the next step depends on, under the parameter's name with a
  // prefix such as "momentum."; the tensors share memory with the optimizer.
  virtual std::vector<NamedTensor> state() const = 0;
  // Continues after `steps` steps, once the tensors of `state` have been filled.
  void restore(std::int64_t steps) { steps_ = steps; }

 protected:
  Optimizer(const OptimizerOptions& options, std::vector<NamedTensor> parameters);
  const OptimizerOptions& options() const { return options_; }

  // One step over those parameters whose indices are given, all with one weight decay. The step
  // counter still has its old value.
  virtual void step_group(double learning_rate, float weight_decay, float gradient_scale,
                          std::span<const std::size_t> group,
                          std::span<const Tensor> gradients) = 0;
  std::vector<NamedTensor> zeros_like_parameters(std::string_view prefix) const;

 private:
  struct Group {
    float weight_decay = 0;
    std::vector<std::size_t> members;
  };

  OptimizerOptions options_;
  std::vector<NamedTensor> parameters_;
  std::vector<Group> groups_;
  std::int64_t steps_ = 0;
};

// Throws ArgumentError for options that make no sense.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<NamedTensor> parameters);

// The parameters of a graph, in the order of its nodes; they share memory with it.
std::vector<NamedTensor> named_parameters(const Graph& graph);

// The Euclidean norm over all elements of all gradients.
double gradient_norm(std::span<const Tensor> gradients);
// The factor that brings a gradient of that norm to at most `limit`, as clip_grad_norm_ has it.
float clipping_scale(double norm, double limit);

}  // namespace hush::nn
