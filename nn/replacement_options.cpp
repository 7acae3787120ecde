#include "nn/replacement_options.h"

#include "core/ops/elementwise.h"
#include "core/ops/loss.h"

namespace hush::nn {
namespace {

// Adds T² KL(teacher || student) to the loss; the teacher's logits are a third input.
void add_distillation(LossGraph& loss, int classes, float temperature) {
  Graph& graph = loss.graph;
  const NodeId teacher = graph.add_input("teacher_logits", {1, classes});
  const NodeId divergence = graph.add(
      "distillation", std::make_shared<Distillation>(temperature, temperature * temperature),
      {loss.logits, teacher});
  const NodeId cross_entropy = graph.output();
  graph.set_output(graph.add("total_loss", std::make_shared<Add>(), {cross_entropy, divergence}));
}

}  // namespace

void check_options(const ReplacementOptions& o, std::int64_t total) {
  require(o.budget > 0 && o.budget <= total,
          "a budget of {} ReLUs: the network has {}; give a number from 1 to {}", o.budget, total,
          total);
  require(o.epochs > 0 && o.max_steps >= 0 && o.save_every >= 0 && o.lookahead >= 0 &&
              o.calibration_batches >= 0,
          "replacement: {} epochs, at most {} steps, saved every {}, lookahead {}, {} batches of "
          "calibration",
          o.epochs, o.max_steps, o.save_every, o.lookahead, o.calibration_batches);
  require(o.ramp_end > 0 && o.ramp_end <= o.freeze_at && o.freeze_at <= 1,
          "replacement: the ramp ends at {} and indicators freeze at {}; it must be 0 < ramp <= "
          "freeze <= 1",
          o.ramp_end, o.freeze_at);
  require(o.clip_norm >= 0 && o.weight_rate > 0 && o.indicator_rate >= 0,
          "replacement: gradient norm {}, learning rates {} and {}", o.clip_norm, o.weight_rate,
          o.indicator_rate);
}

LossGraph replacement_loss(const Graph& model, const ReplacementOptions& options,
                           bool fixed_norms) {
  const Graph fused = fuse_for_training(model);
  LossGraph result =
      with_loss(fixed_norms ? fix_statistics(fused) : fused, options.label_smoothing);
  const Shape logits = model.shapes()[std::size_t(model.output())];
  if (options.distill) add_distillation(result, int(logits[-1]), options.temperature);
  return result;
}

}  // namespace hush::nn
