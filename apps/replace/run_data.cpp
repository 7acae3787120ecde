#include "apps/replace/run_data.h"

#include <algorithm>

namespace hush::apps {
namespace {

// Images first … first + count of a dataset.
data::Dataset part_of(const data::Dataset& all, std::int64_t first, std::int64_t count) {
  data::Dataset part = all;
  const auto pixels = all.pixels.begin() + first * all.image_bytes();
  part.pixels.assign(pixels, pixels + count * all.image_bytes());
  part.labels.assign(all.labels.begin() + first, all.labels.begin() + first + count);
  return part;
}

}  // namespace

RunData load_run_data(const AutorepOptions& o) {
  RunData result{.train = o.dataset.load(data::Split::train), .scored = {}};
  const std::int64_t all = result.train.count(), rest = all - o.holdout;
  require(rest > 0, "--holdout {}: {} has {} training images", o.holdout, result.train.name, all);
  if (o.holdout > 0) {
    result.scored = part_of(result.train, rest, o.holdout);
    result.scored_as = "held-out";
  } else if (o.evaluate) {
    result.scored = o.dataset.load(data::Split::test);
  }
  const std::int64_t used = o.images > 0 ? std::min(o.images, rest) : rest;
  if (used < all) result.train = part_of(result.train, 0, used);
  return result;
}

data::LoaderOptions training_batches(const AutorepOptions& o, const nn::ModelInfo& info) {
  data::LoaderOptions options = scoring_batches(o, info);
  options.batch_size = o.batch;
  options.shuffle = true;
  if (o.augment) options.augmentation = {4, true};
  return options;
}

data::LoaderOptions scoring_batches(const AutorepOptions& o, const nn::ModelInfo& info) {
  data::LoaderOptions options;
  options.batch_size = std::max<std::int64_t>(o.batch, 100);
  options.mean = info.mean;
  options.std = info.std;
  options.seed = o.replacement.seed;
  return options;
}

}  // namespace hush::apps
