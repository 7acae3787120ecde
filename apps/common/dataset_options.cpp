#include "apps/common/dataset_options.h"

#include <fmt/ranges.h>

#include "apps/common/interrupt.h"
#include "apps/common/progress.h"

namespace hush::apps {

void DatasetOptions::add_to(CLI::App& app) {
  app.add_option("--dataset", name,
                 fmt::format("one of {}", fmt::join(data::dataset_names(), ", ")))
      ->capture_default_str();
  app.add_option("--data", folder,
                 "where to look for it first, and where a download goes; then $HUSH_DATA and "
                 "datasets/ are tried");
  app.add_flag("--coarse", coarse, "cifar100: the 20 superclasses");
  app.add_option("--image-size", image_size, "imagefolder: images are resized to this square")
      ->check(CLI::Range(8, 1024))
      ->capture_default_str();
}

data::Dataset DatasetOptions::load(data::Split split) const {
  require(!name.empty(), "which dataset? --dataset is one of {}",
          fmt::join(data::dataset_names(), ", "));
  std::unique_ptr<Progress> progress;
  data::LoadOptions options;
  options.data_dir = folder;
  options.coarse_labels = coarse;
  options.image_size = image_size;
  options.progress = [&](const data::DownloadProgress& state) {
    if (interrupted()) throw Error("interrupted; nothing was kept of the download");
    if (!progress)
      progress =
          std::make_unique<Progress>("downloading " + name, "MB", double(state.total) * 1e-6);
    progress->update(double(state.received) * 1e-6);
  };
  return data::load_dataset(name, split, options);
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
  return {{"name", dataset.name},
          {"split", std::string(data::name_of(dataset.split))},
          {"images", dataset.count()},
          {"sha256", dataset.digest()},
          {"source", dataset.source.string()}};
}

std::optional<nn::Batch> LoaderSource::next() {
  std::optional<data::Batch> batch = loader_.next();
  if (!batch) return std::nullopt;
  return nn::Batch{std::move(batch->images), std::move(batch->labels)};
}

}  // namespace hush::apps
