// Batches of a dataset, shuffled, augmented and normalised ahead of the trainer.
//
// Every batch is a function of (dataset, options, epoch, number of the batch): the order of an
// epoch comes from (seed, epoch), the augmentation of an image from (seed, epoch, image). So
// training can resume in the middle of an epoch and continue bit for bit, with another number of
// threads if need be. Images that are not in memory are read and decoded on these threads.
//
// Where several processes share a batch, each has a loader with the same options but for `rank` and
// prepares its part alone: of a batch of n images those from n rank / ranks to n (rank + 1) /
// ranks. Order and augmentation are those of the whole.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/prefetcher.h"

namespace hush::data {

struct LoaderOptions {
  std::int64_t batch_size = 128;
  bool shuffle = false;
  bool drop_last = false;  // leave out a last batch that is not full
  Augmentation augmentation = {};
  // Of pixels scaled to [0, 1]; empty: those of the dataset.
  std::vector<float> mean = {};
  std::vector<float> std = {};
  std::uint64_t seed = 0;
  int threads = 1;  // background threads; 0 prepares batches when they are asked for
  int ahead = 4;    // batches that are kept ready
  int rank = 0;     // whose part of each batch is wanted …
  int ranks = 1;    // … of so many
};

struct Batch {
  Tensor images;            // float32 [n, height, width, channels], normalised
  Tensor labels;            // int32 [n]
  std::int64_t number = 0;  // within its epoch, from 0
  std::int64_t first = 0;   // where images[0] stands in the whole batch
  std::int64_t whole = 0;   // images of the whole batch
  // The batch has fewer images than there are ranks, and none for this one: here is one of another
  // rank's, which must not count.
  bool stand_in = false;
};

class DataLoader {
 public:
  // The dataset must outlive the loader. Throws ArgumentError for options that make no sense or
  // an epoch without a batch.
  DataLoader(const Dataset& dataset, LoaderOptions options);
  DataLoader(Dataset&&, LoaderOptions) = delete;

  // Begins to prepare epoch `epoch`, from its batch `first_batch` on. What is left of an epoch
  // before it is dropped.
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0);
  // The next batch, or nothing at the end of the epoch. Rethrows what went wrong in a thread.
  std::optional<Batch> next();

  std::int64_t batches_per_epoch() const;
  std::int64_t images_per_epoch() const;
  const Dataset& dataset() const { return dataset_; }
  // The order of the images in an epoch.
  std::vector<std::int64_t> epoch_order(std::int64_t epoch) const;

 private:
  Batch make_batch(const std::vector<std::int64_t>& order, std::int64_t epoch,
                   std::int64_t number) const;
  // Writes one image, augmented and normalised.
  void place(std::int64_t index, std::int64_t epoch, float* target) const;

  const Dataset& dataset_;
  const LoaderOptions options_;
  const Normalizer normalizer_;
  std::unique_ptr<Prefetcher<Batch>> prefetcher_;  // last: its threads use all of the above
};

}  // namespace hush::data
