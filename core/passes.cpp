#include "core/passes.h"

#include <algorithm>
#include <cmath>

#include "core/ops/batch_norm.h"
#include "core/ops/convolution.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/gated_activation.h"
#include "core/ops/loss.h"

namespace hush {
namespace {

// The nodes of a graph while they are edited. A node keeps its index, so an edit may only use
// what stands before it; dropped nodes vanish when the graph is rebuilt.
class Draft {
 public:
  explicit Draft(const Graph& graph)
      : nodes_(graph.nodes()), uses_(graph.use_counts()), output_(graph.output()) {
    dropped_.resize(nodes_.size());
  }

  int size() const { return int(nodes_.size()); }
  Node& operator[](NodeId id) { return nodes_[std::size_t(id)]; }
  bool used_once(NodeId id) const { return uses_[std::size_t(id)] == 1; }
  void drop(NodeId id) { dropped_[std::size_t(id)] = 1; }
  // The op of node `id` if it is of that class.
  template <class T>
  const T* op_of(NodeId id) const {
    return dynamic_cast<const T*>(nodes_[std::size_t(id)].op.get());
  }
  bool has_leaf(std::string_view name) const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
      return node.kind != NodeKind::op && node.name == name;
    });
  }

  // Drops what the output does not need; inputs stay.
  void drop_unused() {
    std::vector<char> needed(nodes_.size());
    if (output_ >= 0) needed[std::size_t(output_)] = 1;
    for (std::size_t id = nodes_.size(); id-- > 0;) {
      if (needed[id])
        for (const NodeId input : nodes_[id].inputs) needed[std::size_t(input)] = 1;
      if (!needed[id] && nodes_[id].kind != NodeKind::input) dropped_[id] = 1;
    }
  }

  Graph graph() const {
    Graph result;
    std::vector<NodeId> place(nodes_.size(), -1);
    for (std::size_t id = 0; id < nodes_.size(); ++id)
      if (!dropped_[id]) place[id] = result.add_copy(nodes_[id], place);
    if (output_ >= 0) result.set_output(place[std::size_t(output_)]);
    return result;
  }

 private:
  std::vector<Node> nodes_;
  std::vector<int> uses_;
  std::vector<char> dropped_;
  NodeId output_;
};

// The op that does what `op` does and then adds a residual and applies a ReLU, as asked for; null
// if it cannot, or already ends in one that has to come later.
using Extend = std::shared_ptr<const Op> (*)(const Op& op, bool residual, bool relu);

std::shared_ptr<const Op> extend_batch_norm(const Op& op, bool residual, bool relu) {
  const auto* norm = dynamic_cast<const BatchNorm*>(&op);
  if (norm == nullptr || norm->options().relu || (residual && norm->residual())) return nullptr;
  BatchNormOptions options = norm->options();
  options.relu = relu;
  return std::make_shared<BatchNorm>(options, residual || norm->residual(), norm->fixed());
}

std::shared_ptr<const Op> extend_convolution(const Op& op, bool residual, bool relu) {
  const auto* conv = dynamic_cast<const Conv2d*>(&op);
  if (conv == nullptr || conv->extras().relu || (residual && conv->extras().residual))
    return nullptr;
  Conv2d::Extras extras = conv->extras();
  extras.residual |= residual;
  extras.relu = relu;
  return std::make_shared<Conv2d>(conv->options(), extras);
}

// Lets the op at `producer` do the work of its only user `id` too, at the user's place. `residual`
// is the other summand if the user is a sum, or -1.
bool absorb(Draft& draft, Extend extend, NodeId producer, NodeId id, NodeId residual) {
  Node& source = draft[producer];
  if (source.kind != NodeKind::op || !draft.used_once(producer)) return false;
  auto op = extend(*source.op, residual >= 0, residual < 0);
  if (op == nullptr) return false;
  Node& target = draft[id];
  target.op = std::move(op);
  target.name = source.name;
  target.inputs = source.inputs;
  if (residual >= 0) target.inputs.push_back(residual);
  draft.drop(producer);
  return true;
}

Graph absorb_all(const Graph& graph, Extend extend) {
  Draft draft(graph);
  for (NodeId id = 0; id < draft.size(); ++id) {
    const Node& node = draft[id];
    if (draft.op_of<Add>(id) != nullptr) {
      const auto [earlier, later] = std::minmax({node.inputs[0], node.inputs[1]});
      absorb(draft, extend, later, id, earlier) || absorb(draft, extend, earlier, id, later);
    } else if (const Map* map = draft.op_of<Map>(id); map && map->function() == Unary::relu) {
      absorb(draft, extend, node.inputs[0], id, -1);
    }
  }
  return draft.graph();
}

struct FoldedWeights {
  Tensor weight, bias;
};

// With s = gamma / sqrt(variance + epsilon): weight' = weight s, bias' = (bias - mean) s + beta.
// `norm` holds gamma, beta, mean and variance; `bias` may be undefined.
FoldedWeights fold_weights(const Tensor& weight, const Tensor& bias, std::span<const Tensor> norm,
                           float epsilon) {
  const Device device = weight.device(), host;
  const Tensor source = weight.to(host);
  const Tensor gamma = norm[0].to(host), beta = norm[1].to(host), mean = norm[2].to(host),
               variance = norm[3].to(host);
  const Tensor old_bias = bias.defined() ? bias.to(host) : Tensor();
  const Tensor new_weight = Tensor::empty(weight.shape(), DType::float32);
  const Tensor new_bias = Tensor::empty(beta.shape(), DType::float32);
  const std::size_t channels = std::size_t(beta.elements());
  require(channels > 0 && weight.shape()[-1] == beta.elements(),
          "fold_for_inference: batch norm of {} channels after weight {}", channels,
          weight.shape().text());
  std::vector<double> scale(channels);
  for (std::size_t k = 0; k < channels; ++k) {
    scale[k] = double(gamma.values<float>()[k]) /
               std::sqrt(double(variance.values<float>()[k]) + double(epsilon));
    const double b = old_bias.defined() ? double(old_bias.values<float>()[k]) : 0.0;
    new_bias.values<float>()[k] =
        float((b - double(mean.values<float>()[k])) * scale[k] + double(beta.values<float>()[k]));
  }
  for (std::size_t i = 0; i < source.values<float>().size(); ++i)
    new_weight.values<float>()[i] = float(double(source.values<float>()[i]) * scale[i % channels]);
  return {new_weight.to(device), new_bias.to(device)};
}

std::string bias_name(const Draft& draft, const Node& weight, const Node& beta) {
  constexpr std::string_view suffix = ".weight";
  std::string name = weight.name;
  if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  name += ".bias";
  return draft.has_leaf(name) ? beta.name : name;
}

// Folds the batch norm at `id` into the convolution before it, if that is possible.
void fold_batch_norm(Draft& draft, NodeId id) {
  const auto* norm = draft.op_of<BatchNorm>(id);
  if (norm == nullptr) return;
  const Node& node = draft[id];
  const NodeId conv_id = node.inputs[0];
  const auto* conv = draft.op_of<Conv2d>(conv_id);
  if (conv == nullptr || conv->extras().residual || conv->extras().relu ||
      !draft.used_once(conv_id))
    return;
  const auto own_leaf = [&](NodeId leaf) {
    return draft.used_once(leaf) && draft[leaf].kind == NodeKind::parameter &&
           draft[leaf].value.dtype() == DType::float32;
  };
  // The new bias takes the place of the old one, or else that of batch norm's beta.
  const std::vector<NodeId>& sources = draft[conv_id].inputs;
  const NodeId weight = sources[1], bias = conv->extras().bias ? sources[2] : node.inputs[2];
  if (!own_leaf(weight) || !own_leaf(bias)) return;
  std::vector<Tensor> values;
  for (std::size_t i = 1; i < 5; ++i) values.push_back(draft[node.inputs[i]].value);
  if (std::any_of(values.begin(), values.end(), [](const Tensor& v) { return !v.defined(); }))
    return;
  const FoldedWeights folded =
      fold_weights(draft[weight].value, conv->extras().bias ? draft[bias].value : Tensor(), values,
                   norm->options().epsilon);
  if (!conv->extras().bias) draft[bias].name = bias_name(draft, draft[weight], draft[bias]);
  draft[weight].value = folded.weight;
  draft[bias].value = folded.bias;

  std::vector<NodeId> inputs{sources[0], weight, bias};
  if (norm->residual()) inputs.push_back(node.inputs[5]);
  const Conv2d::Extras extras{.bias = true,
                              .residual = norm->residual(),
                              .relu = norm->options().relu,
                              .fixed_weight = true};
  Node& target = draft[id];
  target.name = draft[conv_id].name;
  target.op = std::make_shared<Conv2d>(conv->options(), extras);
  target.inputs = std::move(inputs);
  draft.drop(conv_id);
}

}  // namespace

Graph fuse_for_training(const Graph& graph) {
  return absorb_all(graph, extend_batch_norm);
}

Graph without_dropout(const Graph& graph) {
  Graph result;
  std::vector<NodeId> place;
  place.reserve(std::size_t(graph.size()));
  for (const Node& node : graph.nodes())
    place.push_back(dynamic_cast<const Dropout*>(node.op.get()) != nullptr
                        ? place[std::size_t(node.inputs[0])]
                        : result.add_copy(node, place));
  if (graph.output() >= 0) result.set_output(place[std::size_t(graph.output())]);
  return result;
}

Graph fold_for_inference(const Graph& graph) {
  Draft draft(fuse_for_training(without_dropout(graph)));
  for (NodeId id = 0; id < draft.size(); ++id) fold_batch_norm(draft, id);
  draft.drop_unused();
  return absorb_all(draft.graph(), extend_convolution);
}

Graph fix_statistics(const Graph& graph) {
  Draft draft(graph);
  for (NodeId id = 0; id < draft.size(); ++id) {
    if (const auto* norm = draft.op_of<BatchNorm>(id))
      draft[id].op = std::make_shared<BatchNorm>(norm->options(), norm->residual(), true);
    if (const auto* gated = draft.op_of<GatedActivation>(id))
      draft[id].op = std::make_shared<GatedActivation>(gated->momentum(), true);
  }
  return draft.graph();
}

LossGraph with_loss(const Graph& model, float label_smoothing) {
  require(model.output() >= 0, "with_loss: the model has no output");
  LossGraph result{model, model.output()};
  const NodeId labels = result.graph.add_input("labels", {1});
  const NodeId loss = result.graph.add(
      "loss", std::make_shared<SoftmaxCrossEntropy>(label_smoothing), {result.logits, labels});
  result.graph.set_output(loss);
  return result;
}

}  // namespace hush
