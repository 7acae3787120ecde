#include "apps/replace/run_data.h"

#include <algorithm>

namespace hush::apps {

RunData load_run_data(const AutorepOptions& o) {
  RunData result{.train = o.dataset.load(data::Split::train), .scored = {}};
  const std::int64_t all = result.train.count(), rest = all - o.holdout;
  require(rest > 0, "--holdout {}: {} has {} training images", o.holdout, result.train.name, all);
  if (o.holdout > 0) {
    result.scored = result.train.part(rest, o.holdout);
    result.scored_as = "held-out";
  } else if (o.evaluate) {
    result.scored = o.dataset.load(data::Split::test);
  }
  const std::int64_t used = o.images > 0 ? std::min(o.images, rest) : rest;
  if (used < all) result.train = result.train.part(0, used);
  return result;
}

data::LoaderOptions training_batches(const AutorepOptions& o, const nn::ModelInfo& info) {
  data::LoaderOptions options = scoring_batches(o, info);
  options.batch_size = o.batch;
  options.shuffle = true;
  options.augmentation = o.augment.augmentation();
  return options;
}

data::LoaderOptions scoring_batches(const AutorepOptions& o, const nn::ModelInfo& info) {
  data::LoaderOptions options;
  options.batch_size = std::max<std::int64_t>(o.batch, 100);
  options.mean = info.mean;
  options.std = info.std;
  options.seed = o.replacement.seed;
  options.threads = o.dataset.workers();
  return options;
}

}  // namespace hush::apps
