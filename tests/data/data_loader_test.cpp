#include "data/data_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <numeric>
#include <set>

namespace hush::data {
namespace {

// Image i has the label i and pixels that depend on i.
Dataset numbered(std::int64_t count, std::int64_t side = 6, std::int64_t channels = 3) {
  Dataset dataset;
  dataset.name = "numbered";
  dataset.height = dataset.width = side;
  dataset.channels = channels;
  for (std::int64_t i = 0; i < count * dataset.image_bytes(); ++i)
    dataset.pixels.push_back(std::uint8_t(i * 31 + i / dataset.image_bytes()));
  for (std::int64_t i = 0; i < count; ++i) dataset.labels.push_back(std::int32_t(i));
  dataset.class_names.resize(std::size_t(count));
  dataset.mean.assign(std::size_t(channels), 0.5f);
  dataset.std.assign(std::size_t(channels), 0.25f);
  return dataset;
}

struct Seen {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  std::vector<std::int64_t> batch_sizes;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen drain(DataLoader& loader) {
  Seen seen;
  while (auto batch = loader.next()) {
    const auto pixels = batch->images.values<float>();
    const auto labels = batch->labels.values<std::int32_t>();
    EXPECT_EQ(batch->images.shape()[0], batch->labels.shape()[0]);
    seen.pixels.insert(seen.pixels.end(), pixels.begin(), pixels.end());
    seen.labels.insert(seen.labels.end(), labels.begin(), labels.end());
    seen.batch_sizes.push_back(batch->labels.elements());
  }
  return seen;
}

Seen epoch(const Dataset& dataset, const LoaderOptions& options, std::int64_t number,
           std::int64_t first_batch = 0) {
  DataLoader loader(dataset, options);
  loader.start_epoch(number, first_batch);
  return drain(loader);
}

TEST(DataLoader, InOrderWithoutShuffling) {
  const Dataset dataset = numbered(10);
  const Seen seen = epoch(dataset, {.batch_size = 4}, 0);
  EXPECT_THAT(seen.labels, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(seen.batch_sizes, testing::ElementsAre(4, 4, 2));
  for (std::size_t i = 0; i < seen.pixels.size(); ++i)
    ASSERT_EQ(seen.pixels[i], (float(dataset.pixels[i]) / 255.0f - 0.5f) / 0.25f);
}

TEST(DataLoader, DropsAnIncompleteBatchOnRequest) {
  const Dataset dataset = numbered(10);
  DataLoader loader(dataset, {.batch_size = 4, .drop_last = true});
  EXPECT_EQ(loader.batches_per_epoch(), 2);
  EXPECT_EQ(loader.images_per_epoch(), 8);
  loader.start_epoch(0);
  EXPECT_THAT(drain(loader).batch_sizes, testing::ElementsAre(4, 4));
  EXPECT_EQ(DataLoader(dataset, {.batch_size = 4}).images_per_epoch(), 10);
}

TEST(DataLoader, EveryEpochIsAnotherPermutation) {
  const Dataset dataset = numbered(100);
  DataLoader loader(dataset, {.batch_size = 8, .shuffle = true, .seed = 5});
  std::set<std::vector<std::int32_t>> orders;
  for (std::int64_t number = 0; number < 4; ++number) {
    loader.start_epoch(number);
    std::vector<std::int32_t> labels = drain(loader).labels;
    orders.insert(labels);
    std::sort(labels.begin(), labels.end());
    EXPECT_EQ(labels, dataset.labels);
  }
  EXPECT_EQ(orders.size(), 4U);
  EXPECT_FALSE(orders.contains(dataset.labels));
  const DataLoader other_seed(dataset, {.batch_size = 8, .shuffle = true, .seed = 6});
  EXPECT_NE(loader.epoch_order(0), other_seed.epoch_order(0));
}

TEST(DataLoader, ShufflesWithoutBias) {
  // Where the first of four images ends up, over many epochs.
  const Dataset dataset = numbered(4);
  const DataLoader loader(dataset, {.shuffle = true, .seed = 1});
  int places[4] = {};
  constexpr int kEpochs = 20000;
  for (int number = 0; number < kEpochs; ++number) {
    const auto order = loader.epoch_order(number);
    ++places[std::find(order.begin(), order.end(), 0) - order.begin()];
  }
  for (int count : places) EXPECT_NEAR(count, kEpochs / 4, 5 * std::sqrt(kEpochs * 3.0 / 16));
}

TEST(DataLoader, SameBatchesWithAnyNumberOfThreads) {
  const Dataset dataset = numbered(57);
  LoaderOptions options{.batch_size = 8, .shuffle = true, .augmentation = {2, true}, .seed = 9};
  options.threads = 0;
  const Seen expected = epoch(dataset, options, 3);
  for (int threads : {1, 2, 5})
    for (int ahead : {1, 4}) {
      options.threads = threads;
      options.ahead = ahead;
      EXPECT_EQ(epoch(dataset, options, 3), expected) << threads << " " << ahead;
    }
}

TEST(DataLoader, AugmentationDoesNotDependOnTheBatch) {
  const Dataset dataset = numbered(20);
  const LoaderOptions options{.batch_size = 20, .augmentation = {2, true}, .seed = 9};
  LoaderOptions small = options;
  small.batch_size = 3;
  EXPECT_EQ(epoch(dataset, small, 1).pixels, epoch(dataset, options, 1).pixels);
  EXPECT_NE(epoch(dataset, options, 2).pixels, epoch(dataset, options, 1).pixels);
}

TEST(DataLoader, ResumesInTheMiddleOfAnEpoch) {
  const Dataset dataset = numbered(30);
  const LoaderOptions options{
      .batch_size = 7, .shuffle = true, .augmentation = {2, true}, .seed = 2, .threads = 2};
  const Seen whole = epoch(dataset, options, 4);
  const Seen rest = epoch(dataset, options, 4, 3);
  EXPECT_THAT(rest.batch_sizes, testing::ElementsAre(7, 2));
  EXPECT_TRUE(std::equal(rest.labels.begin(), rest.labels.end(), whole.labels.begin() + 21));
  EXPECT_TRUE(std::equal(rest.pixels.rbegin(), rest.pixels.rend(), whole.pixels.rbegin()));
  EXPECT_TRUE(epoch(dataset, options, 4, 5).labels.empty());
  DataLoader loader(dataset, options);
  EXPECT_THROW(loader.start_epoch(4, 6), ArgumentError);
}

TEST(DataLoader, LeavesAnEpochEarly) {
  const Dataset dataset = numbered(64);
  DataLoader loader(dataset, {.batch_size = 2, .threads = 3});
  loader.start_epoch(0);
  loader.next();
  loader.start_epoch(1);
  EXPECT_EQ(loader.next()->number, 0);
  EXPECT_EQ(drain(loader).labels.size(), 62U);
  loader.start_epoch(2);  // and the loader is destroyed while its threads work
}

TEST(DataLoader, OwnStatisticsReplaceThoseOfTheDataset) {
  const Dataset dataset = numbered(1, 1, 1);
  LoaderOptions options{.mean = {0.0f}, .std = {1.0f / 255}};
  EXPECT_FLOAT_EQ(epoch(dataset, options, 0).pixels[0], float(dataset.pixels[0]));
  options.mean = {0, 0, 0};
  EXPECT_THROW(DataLoader(dataset, options), ArgumentError);
}

TEST(DataLoader, RefusesNonsense) {
  const Dataset dataset = numbered(3);
  const Dataset nothing = numbered(0);
  EXPECT_THROW(DataLoader(dataset, {.batch_size = 0}), ArgumentError);
  EXPECT_THROW(DataLoader(dataset, {.batch_size = 4, .drop_last = true}), ArgumentError);
  EXPECT_THROW(DataLoader(dataset, {.augmentation = {7, false}}), ArgumentError);
  EXPECT_THROW(DataLoader(dataset, {.augmentation = {-1, false}}), ArgumentError);
  EXPECT_THROW(DataLoader(nothing, {}), ArgumentError);
  DataLoader loader(dataset, {});
  EXPECT_THROW(loader.next(), ArgumentError);
  EXPECT_THROW(loader.start_epoch(-1), ArgumentError);
}

TEST(DataLoader, RethrowsWhatGoesWrongInAThread) {
  Dataset dataset = numbered(8);
  DataLoader loader(dataset, {.batch_size = 2, .threads = 2});
  dataset.channels = 2;  // contradicts the options checked above
  loader.start_epoch(0);
  EXPECT_THROW(loader.next(), ArgumentError);
}

// Preparing a batch must cost next to nothing beside a training step: a ResNet-20 step costs
// about 0.25 GFLOP an image, so at the very least 1 ms.
TEST(DataLoader, CostsLittle) {
  const Dataset dataset = numbered(2000, 32);
  DataLoader loader(dataset, {.shuffle = true, .augmentation = {4, true}, .threads = 0});
  const auto seconds = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
  };
  loader.start_epoch(0);
  while (loader.next()) {
  }
  const double begin = seconds();
  loader.start_epoch(1);
  while (loader.next()) {
  }
  const double each = (seconds() - begin) / 2000;
  RecordProperty("nanoseconds_per_image", int(each * 1e9));
  EXPECT_LT(each, 100e-6);  // a sanitizer build takes 20 times as long as Release
}

// Images that are not in memory, larger than the batches they go into.
class LargerImages final : public ImageSource {
 public:
  std::int64_t count() const override { return 6; }
  Image read(std::int64_t index) const override {
    Image image{10 + index, 14, 3, {}};
    for (std::int64_t i = 0; i < image.height * image.width * 3; ++i)
      image.pixels.push_back(std::uint8_t(i * 7 + index * 13));
    return image;
  }
  std::string digest() const override { return "larger"; }
};

Dataset streamed() {
  Dataset dataset = numbered(6);
  dataset.pixels.clear();
  dataset.images = std::make_shared<LargerImages>();
  dataset.resize = 8;
  return dataset;
}

TEST(DataLoader, StreamedImagesAreFitted) {
  const Dataset dataset = streamed();
  const Seen seen = epoch(dataset, {.batch_size = 4, .threads = 2}, 0);
  std::vector<float> expected;
  for (std::int64_t i = 0; i < 6; ++i)
    for (const std::uint8_t pixel : fit_square(LargerImages().read(i), 6, 8).pixels)
      expected.push_back((float(pixel) / 255.0f - 0.5f) / 0.25f);
  EXPECT_EQ(seen.pixels, expected);
}

TEST(DataLoader, PartsOfDatasets) {
  for (const Dataset& dataset : {streamed(), numbered(6)}) {
    const Dataset part = dataset.part(2, 3);
    EXPECT_EQ(part.count(), 3);
    EXPECT_EQ(part.labels[0], 2);
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_EQ(part.fitted(i).pixels, dataset.fitted(i + 2).pixels);
    EXPECT_NE(part.digest(), dataset.digest());
    EXPECT_NE(part.digest(), dataset.part(3, 3).digest());
    EXPECT_EQ(dataset.part(0, 6).digest(), dataset.digest());
    EXPECT_THROW(dataset.part(4, 3), ArgumentError);
    EXPECT_THROW(dataset.part(-1, 3), ArgumentError);
  }
}

TEST(DataLoader, ResizedCropsDependOnSeedEpochAndImageAlone) {
  for (const Dataset& dataset : {streamed(), numbered(6, 16)}) {
    const Augmentation augmentation{.horizontal_flip = true, .resized_crop = true};
    LoaderOptions options{.batch_size = 4, .augmentation = augmentation, .seed = 3};
    const Seen seen = epoch(dataset, options, 2);
    options.threads = 3;
    EXPECT_EQ(epoch(dataset, options, 2), seen);
    EXPECT_NE(epoch(dataset, options, 3).pixels, seen.pixels);
    // Resumed at the second batch.
    const Seen rest = epoch(dataset, options, 2, 1);
    EXPECT_TRUE(std::equal(rest.pixels.rbegin(), rest.pixels.rend(), seen.pixels.rbegin()));
    // Each image is its window, resized and flipped.
    const std::int64_t side = dataset.height;
    const Image whole = dataset.whole(0);
    const Window w = draw_window(augmentation, whole.height, whole.width, 3, 2, 0);
    const Image cut = resize(crop(whole, w.top, w.left, w.height, w.width), side, side);
    const bool flipped = draw_placement(augmentation, 3, 2, 0).flipped;
    for (std::int64_t x = 0; x < side; ++x)
      ASSERT_EQ(seen.pixels[std::size_t((flipped ? side - 1 - x : x) * 3)],
                (float(cut.pixels[std::size_t(x * 3)]) / 255.0f - 0.5f) / 0.25f);
  }
  const Dataset dataset = numbered(6);
  EXPECT_THROW(DataLoader(dataset, {.augmentation = {.resized_crop = true, .smallest_area = 0}}),
               ArgumentError);
}

TEST(DataLoader, RanksTogetherHaveTheBatchOfOne) {
  const Dataset dataset = numbered(23);
  LoaderOptions options{.batch_size = 10, .shuffle = true, .augmentation = {2, true}, .seed = 5};
  DataLoader whole(dataset, options);
  whole.start_epoch(3);
  std::vector<std::unique_ptr<DataLoader>> parts;
  options.ranks = 4;
  for (options.rank = 0; options.rank < 4; ++options.rank) {
    parts.push_back(std::make_unique<DataLoader>(dataset, options));
    EXPECT_EQ(parts.back()->batches_per_epoch(), 3);
    parts.back()->start_epoch(3);
  }
  for (const std::vector<std::int64_t>& sizes :
       {std::vector<std::int64_t>{2, 3, 2, 3}, {2, 3, 2, 3}, {0, 1, 1, 1}}) {
    const auto want = whole.next();
    std::vector<float> pixels;
    std::vector<std::int32_t> labels;
    for (std::size_t rank = 0; rank < 4; ++rank) {
      const auto part = parts[rank]->next();
      EXPECT_EQ(part->first, std::int64_t(labels.size()));
      EXPECT_EQ(part->whole, want->labels.elements());
      EXPECT_EQ(part->stand_in, sizes[rank] == 0);
      if (part->stand_in) {
        EXPECT_EQ(part->labels.elements(), 1);
        continue;
      }
      EXPECT_EQ(part->labels.elements(), sizes[rank]);
      const auto p = part->images.values<float>();
      const auto l = part->labels.values<std::int32_t>();
      pixels.insert(pixels.end(), p.begin(), p.end());
      labels.insert(labels.end(), l.begin(), l.end());
    }
    EXPECT_TRUE(std::ranges::equal(pixels, want->images.values<float>()));
    EXPECT_TRUE(std::ranges::equal(labels, want->labels.values<std::int32_t>()));
  }
  options.rank = 4;
  EXPECT_THROW(DataLoader(dataset, options), ArgumentError);
}

}  // namespace
}  // namespace hush::data
