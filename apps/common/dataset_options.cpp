#include "apps/common/dataset_options.h"

#include <fmt/ranges.h>

#include "apps/common/interrupt.h"
#include "apps/common/progress.h"
#include "apps/common/quiet.h"
#include "core/thread_pool.h"

namespace hush::apps {

void DatasetOptions::add_to(CLI::App& app) {
  app.add_option("--dataset", name,
                 fmt::format("one of {}", fmt::join(data::dataset_names(), ", ")))
      ->capture_default_str();
  app.add_option("--data", folder,
                 "where to look for it first, and where a download goes; then $HUSH_DATA and "
                 "datasets/ are tried");
  app.add_flag("--coarse", coarse, "cifar100: the 20 superclasses");
  app.add_option("--image-size", images.side,
                 "image files: what the network sees of them, a square; default 224, tiny-imagenet "
                 "64")
      ->check(CLI::Range(8, 1024));
  app.add_option("--resize", images.resize,
                 "image files: the shorter side before the middle is cut out, such as 256; default "
                 "--image-size")
      ->check(CLI::Range(8, 8192));
  app.add_option("--labels", images.label_file,
                 "image files: the test images lie in one folder, their classes are in this file");
  app.add_option("--bad-images", bad_images_,
                 "image files that do not decode: error, or skip and count them")
      ->check(CLI::IsMember({"error", "skip"}))
      ->capture_default_str();
  app.add_flag("--stream", stream, "image files: decode them each time instead of keeping them");
  app.add_option("--cache", images.cache,
                 "image files: decode them once into a packed file in this folder");
}

int DatasetOptions::workers() const {
  return stream || !images.cache.empty() ? thread_count() : 1;
}

data::Dataset DatasetOptions::load(data::Split split) const {
  require(!name.empty(), "which dataset? --dataset is one of {}",
          fmt::join(data::dataset_names(), ", "));
  std::unique_ptr<Progress> progress;
  data::LoadOptions options;
  options.data_dir = folder;
  options.coarse_labels = coarse;
  options.images = images;
  if (bad_images_ == "skip") options.images.bad = data::BadImages::skip;
  require(!stream || images.cache.empty(), "--stream decodes each time, --cache once; give one");
  if (stream) options.images.storage = data::ImageStorage::stream;
  if (!images.cache.empty()) options.images.storage = data::ImageStorage::packed;
  std::unique_ptr<Progress> decoding;
  options.images.progress = [&](std::int64_t done, std::int64_t total) {
    if (interrupted()) throw Error("interrupted; nothing was kept of the images");
    if (!decoding)
      decoding = std::make_unique<Progress>("decoding " + name, "images", double(total));
    decoding->update(double(done));
  };
  options.progress = [&](const data::DownloadProgress& state) {
    if (interrupted()) throw Error("interrupted; nothing was kept of the download");
    if (!progress)
      progress =
          std::make_unique<Progress>("downloading " + name, "MB", double(state.total) * 1e-6);
    progress->update(double(state.received) * 1e-6);
  };
  data::Dataset dataset = data::load_dataset(name, split, options);
  progress.reset();
  decoding.reset();
  if (dataset.skipped > 0 && !is_quiet())
    fmt::print(stderr, "{}: left out {} images that do not decode\n", name, dataset.skipped);
  return dataset;
}

void AugmentOptions::add_to(CLI::App& app) {
  app.add_flag("!--no-augment", wanted, "no random crop and flip");
  app.add_option("--crop", crop,
                 "random crops: pad by 4 black pixels, or resized from 8 to 100 % of the image")
      ->check(CLI::IsMember({"pad", "resized"}))
      ->capture_default_str();
}

data::Augmentation AugmentOptions::augmentation() const {
  if (!wanted) return {};
  return {.crop_padding = crop == "pad" ? 4 : 0,
          .horizontal_flip = true,
          .resized_crop = crop == "resized"};
}

std::string AugmentOptions::text() const {
  if (!wanted) return "none";
  return crop == "pad" ? "crop 4, flip" : "resized crop, flip";
}

nn::ModelInfo info_of(const data::Dataset& dataset) {
  nn::ModelInfo info;
  info.dataset = dataset.name;
  info.classes = int(dataset.classes());
  info.image = {1, dataset.height, dataset.width, dataset.channels};
  info.mean = dataset.mean;
  info.std = dataset.std;
  info.class_names = dataset.class_names;
  return info;
}

void check_fits(const nn::ModelInfo& info, const data::Dataset& dataset) {
  require(info.classes == int(dataset.classes()),
          "the model has {} classes, {} has {}; choose the dataset it was made for", info.classes,
          dataset.name, dataset.classes());
  require(info.image[-1] == dataset.channels,
          "the model takes images of {} channels, {} has {}; choose the dataset it was made for",
          info.image[-1], dataset.name, dataset.channels);
}

Json facts_of(const data::Dataset& dataset) {
  return {{"name", dataset.name},       {"split", std::string(data::name_of(dataset.split))},
          {"images", dataset.count()},  {"skipped", dataset.skipped},
          {"sha256", dataset.digest()}, {"source", dataset.source.string()}};
}

std::optional<nn::Batch> LoaderSource::next() {
  std::optional<data::Batch> batch = loader_.next();
  if (!batch) return std::nullopt;
  return nn::Batch{std::move(batch->images),
                   std::move(batch->labels),
                   {.first = batch->first, .whole = batch->whole, .stand_in = batch->stand_in}};
}

}  // namespace hush::apps
