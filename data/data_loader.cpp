#include "data/data_loader.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace hush::data {
namespace {

LoaderOptions checked(const Dataset& dataset, LoaderOptions options) {
  require(options.batch_size >= 1, "data loader: batch size {}", options.batch_size);
  require(dataset.count() >= 1, "data loader: {} has no images", dataset.name);
  require(dataset.count() < std::int64_t{1} << 32, "data loader: {} has too many images",
          dataset.name);
  require(!options.drop_last || options.batch_size <= dataset.count(),
          "data loader: no full batch of {} in the {} images of {}; make the batch smaller or "
          "keep the last one",
          options.batch_size, dataset.count(), dataset.name);
  require(options.ranks >= 1 && options.rank >= 0 && options.rank < options.ranks,
          "data loader: rank {} of {}", options.rank, options.ranks);
  const int padding = options.augmentation.crop_padding;
  require(padding >= 0 && padding <= std::min(dataset.height, dataset.width),
          "data loader: crop padding {} for images of {} x {}", padding, dataset.height,
          dataset.width);
  const double area = options.augmentation.smallest_area;
  require(area > 0 && area <= 1, "data loader: crops of {} of an image's area", area);
  if (options.mean.empty()) options.mean = dataset.mean;
  if (options.std.empty()) options.std = dataset.std;
  require(std::int64_t(options.mean.size()) == dataset.channels,
          "data loader: {} means for the {} channels of {}", options.mean.size(), dataset.channels,
          dataset.name);
  return options;
}

}  // namespace

DataLoader::DataLoader(const Dataset& dataset, LoaderOptions options)
    : dataset_(dataset),
      options_(checked(dataset, std::move(options))),
      normalizer_(options_.mean, options_.std) {}

std::int64_t DataLoader::batches_per_epoch() const {
  const std::int64_t full = dataset_.count() / options_.batch_size;
  const bool rest = dataset_.count() % options_.batch_size != 0;
  return full + (rest && !options_.drop_last ? 1 : 0);
}

std::int64_t DataLoader::images_per_epoch() const {
  return std::min(dataset_.count(), batches_per_epoch() * options_.batch_size);
}

std::vector<std::int64_t> DataLoader::epoch_order(std::int64_t epoch) const {
  std::vector<std::int64_t> order(std::size_t(dataset_.count()));
  std::iota(order.begin(), order.end(), 0);
  if (!options_.shuffle) return order;
  // Fisher and Yates; not std::shuffle, whose results differ between standard libraries.
  RandomStream stream(options_.seed, RandomUse::shuffle, std::uint64_t(epoch));
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[stream.below(std::uint32_t(i))]);
  return order;
}

void DataLoader::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  require(epoch >= 0 && epoch < std::int64_t{1} << 24, "data loader: epoch {}", epoch);
  require(first_batch >= 0 && first_batch <= batches_per_epoch(),
          "data loader: epoch {} cannot start at batch {}, it has {}", epoch, first_batch,
          batches_per_epoch());
  prefetcher_.reset();  // its threads end before new ones start
  prefetcher_ = std::make_unique<Prefetcher<Batch>>(
      first_batch, batches_per_epoch(), options_.threads, options_.ahead,
      [this, epoch, order = epoch_order(epoch)](std::int64_t number) {
        return make_batch(order, epoch, number);
      });
}

std::optional<Batch> DataLoader::next() {
  require(prefetcher_ != nullptr, "data loader: next() before start_epoch()");
  return prefetcher_->next();
}

void DataLoader::place(std::int64_t index, std::int64_t epoch, float* target) const {
  const Augmentation& augmentation = options_.augmentation;
  const auto [seed, e, i] = std::tuple(options_.seed, std::uint64_t(epoch), std::uint64_t(index));
  const Placement placement = draw_placement(augmentation, seed, e, i);
  PixelView view{nullptr, dataset_.height, dataset_.width, dataset_.channels};
  Image image;  // unless the pixels are used where they lie
  if (augmentation.resized_crop) {
    image = dataset_.whole(index);
    const Window window = draw_window(augmentation, image.height, image.width, seed, e, i);
    image = resize(crop(image, window.top, window.left, window.height, window.width),
                   dataset_.height, dataset_.width);
  } else if (dataset_.images != nullptr) {
    image = dataset_.fitted(index);
  }
  view.pixels = image.pixels.empty() ? dataset_.image(index).data() : image.pixels.data();
  place_image(view, placement, normalizer_, target);
}

Batch DataLoader::make_batch(const std::vector<std::int64_t>& order, std::int64_t epoch,
                             std::int64_t number) const {
  const std::int64_t batch_begin = number * options_.batch_size;
  const std::int64_t whole = std::min(options_.batch_size, dataset_.count() - batch_begin);
  const std::int64_t part = whole * options_.rank / options_.ranks;
  const std::int64_t own = whole * (options_.rank + 1) / options_.ranks - part;
  const std::int64_t count = std::max<std::int64_t>(own, 1), first = batch_begin + part;
  // Both come from the caching pool of core/storage.h: in the steady state no page is touched
  // for the first time.
  Batch batch{
      Tensor::empty({count, dataset_.height, dataset_.width, dataset_.channels}, DType::float32),
      Tensor::empty({count}, DType::int32),
      number,
      part,
      whole,
      own == 0};
  float* pixels = batch.images.data<float>();
  std::int32_t* labels = batch.labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t index = order[std::size_t(first + i)];
    place(index, epoch, pixels + i * dataset_.image_bytes());
    labels[i] = dataset_.labels[std::size_t(index)];
  }
  return batch;
}

}  // namespace hush::data
