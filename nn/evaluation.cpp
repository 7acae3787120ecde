#include "nn/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/autograd.h"
#include "core/passes.h"

namespace hush::nn {

void add_to_score(Score& score, const Tensor& logits, const Tensor& labels) {
  require(logits.shape().rank() == 2 && labels.shape() == Shape{logits.shape()[0]},
          "score: logits {} for labels {}", logits.text(), labels.text());
  const std::int64_t classes = logits.shape()[1];
  const std::span<const float> all = logits.values<float>();
  std::size_t row_begin = 0;
  for (const std::int32_t label : labels.values<std::int32_t>()) {
    require(label >= 0 && label < classes, "score: label {} of {} classes", label, classes);
    const std::span<const float> row = all.subspan(row_begin, std::size_t(classes));
    row_begin += std::size_t(classes);
    const float own = row[std::size_t(label)];
    std::int64_t higher = 0;
    double sum = 0;
    const float largest = *std::ranges::max_element(row);
    for (std::int64_t c = 0; c < classes; ++c) {
      const float other = row[std::size_t(c)];
      if (c != label && (c < label ? !(other < own) : !(other <= own))) ++higher;
      sum += std::exp(double(other) - double(largest));
    }
    const bool is_number = !std::isnan(own);  // its own comparison is the one left out above
    ++score.images;
    score.top1 += is_number && higher < 1 ? 1 : 0;
    score.top5 += is_number && higher < 5 ? 1 : 0;
    score.loss_sum += std::log(sum) + double(largest) - double(own);
  }
}

void add_to_score(Score& score, const Score& other) {
  score.images += other.images;
  score.top1 += other.top1;
  score.top5 += other.top5;
  score.loss_sum += other.loss_sum;
}

Score evaluate_model(const Graph& model, BatchSource& source, const LogitsCallback& callback) {
  const Graph folded = fold_for_inference(model);
  const Device device = device_of(model);
  Score score;
  source.start_epoch(0, 0);
  while (const std::optional<Batch> batch = source.next()) {
    const std::array inputs{batch->images.to(device)};
    if (batch->part.stand_in) continue;
    const Tensor logits = evaluate(folded, inputs).to(Device{});
    add_to_score(score, logits, batch->labels.to(Device{}));
    if (callback) callback(*batch, logits);
  }
  return score;
}

Device device_of(const Graph& graph) {
  for (const Node& node : graph.nodes())
    if (node.kind == NodeKind::parameter) return node.value.device();
  return {};
}

}  // namespace hush::nn
