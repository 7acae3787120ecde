// The options that choose a dataset, and the bridge from its loader to the trainer.
#pragma once

#include <CLI/CLI.hpp>

#include "apps/common/json_lines.h"
#include "data/data_loader.h"
#include "data/load_dataset.h"
#include "nn/batch_source.h"
#include "nn/checkpoint.h"

namespace hush::apps {

// --dataset, --data, --coarse, and those of datasets of image files.
struct DatasetOptions {
  std::string name;
  std::string folder;
  bool coarse = false, stream = false;
  data::ImageFolderOptions images = {.side = 0};

  void add_to(CLI::App& app);
  // Reads one split; a download shows its progress.
  data::Dataset load(data::Split split) const;
  // Threads that prepare batches: one for images in memory, else one for each processor.
  int workers() const;

 private:
  std::string bad_images_ = "error";
};

// --no-augment, --crop: random changes to training images.
struct AugmentOptions {
  bool wanted = true;
  std::string crop = "pad";

  void add_to(CLI::App& app);
  data::Augmentation augmentation() const;
  std::string text() const;  // for the record of a run: "crop 4, flip"
};

// What a model file says of the dataset that its network is trained on: name, classes, image,
// mean and deviation.
nn::ModelInfo info_of(const data::Dataset& dataset);

// Throws ArgumentError unless the network takes such images and has as many classes.
void check_fits(const nn::ModelInfo& info, const data::Dataset& dataset);

// What a report must say of the data: name, split, images, digest, where it lay.
Json facts_of(const data::Dataset& dataset);

// Feeds a trainer or an evaluation from a loader.
class LoaderSource final : public nn::BatchSource {
 public:
  LoaderSource(const data::Dataset& dataset, const data::LoaderOptions& options)
      : loader_(dataset, options) {}

  std::int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  void start_epoch(std::int64_t epoch, std::int64_t first_batch) override {
    loader_.start_epoch(epoch, first_batch);
  }
  std::optional<nn::Batch> next() override;

 private:
  data::DataLoader loader_;
};

}  // namespace hush::apps
