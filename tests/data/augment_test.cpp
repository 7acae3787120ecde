#include "data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/error.h"
#include "data/dataset.h"

namespace hush::data {
namespace {

// One image whose pixel (y, x) of channel c is 1 + 10 y + x + 100 c: none is black.
Dataset one_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  Dataset dataset;
  dataset.height = height;
  dataset.width = width;
  dataset.channels = channels;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < channels; ++c)
        dataset.pixels.push_back(std::uint8_t(1 + 10 * y + x + 100 * c));
  dataset.labels = {0};
  return dataset;
}

PixelView view(const Dataset& dataset) {
  return {dataset.pixels.data(), dataset.height, dataset.width, dataset.channels};
}

// What place_image should write: crop of the padded image, then flip, then normalisation, each
// as its own step.
std::vector<float> reference(const Dataset& dataset, const Placement& placement,
                             const std::vector<float>& mean, const std::vector<float>& std) {
  std::vector<float> result;
  for (std::int64_t y = 0; y < dataset.height; ++y)
    for (std::int64_t x = 0; x < dataset.width; ++x)
      for (std::int64_t c = 0; c < dataset.channels; ++c) {
        const std::int64_t from_y = y + placement.row_shift;
        const std::int64_t from_x =
            (placement.flipped ? dataset.width - 1 - x : x) + placement.column_shift;
        const bool inside =
            from_y >= 0 && from_y < dataset.height && from_x >= 0 && from_x < dataset.width;
        const int pixel =
            inside
                ? dataset
                      .pixels[std::size_t((from_y * dataset.width + from_x) * dataset.channels + c)]
                : 0;
        result.push_back((float(pixel) / 255.0f - mean[std::size_t(c)]) / std[std::size_t(c)]);
      }
  return result;
}

TEST(PlaceImage, EveryPlacementEqualsTheReference) {
  for (std::int64_t channels : {1, 3}) {
    const Dataset dataset = one_image(4, 5, channels);
    const std::vector<float> mean(std::size_t(channels), 0.4f);
    const std::vector<float> std = {0.2f, 0.3f, 0.25f};
    const Normalizer normalizer(mean, std::span(std).first(std::size_t(channels)));
    for (std::int64_t row = -4; row <= 4; ++row)
      for (std::int64_t column = -5; column <= 5; ++column)
        for (bool flipped : {false, true}) {
          const Placement placement{row, column, flipped};
          std::vector<float> placed(dataset.pixels.size(), -99.0f);
          place_image(view(dataset), placement, normalizer, placed.data());
          EXPECT_EQ(placed, reference(dataset, placement, mean, std))
              << row << " " << column << " " << flipped << " channels " << channels;
        }
  }
}

TEST(PlaceImage, WrongNumberOfChannels) {
  const Dataset dataset = one_image(2, 2, 3);
  const std::vector<float> one = {0.5f};
  float target[12];
  EXPECT_THROW(place_image(view(dataset), {}, Normalizer(one, one), target), ArgumentError);
}

TEST(Normalizer, RefusesNonsense) {
  const std::vector<float> one = {0.5f};
  const std::vector<float> two = {0.5f, 0.5f};
  const std::vector<float> zero = {0.0f};
  EXPECT_THROW(Normalizer(one, two), ArgumentError);
  EXPECT_THROW(Normalizer(one, zero), ArgumentError);
  EXPECT_THROW(Normalizer({}, {}), ArgumentError);
}

TEST(DrawPlacement, IsAFunctionOfSeedEpochAndImage) {
  const Augmentation augmentation{4, true};
  const auto key = [&](std::uint64_t seed, std::uint64_t epoch, std::uint64_t index) {
    const Placement p = draw_placement(augmentation, seed, epoch, index);
    return std::array{p.row_shift, p.column_shift, std::int64_t{p.flipped}};
  };
  EXPECT_EQ(key(1, 2, 3), key(1, 2, 3));
  std::set<std::array<std::int64_t, 3>> seeds, epochs, images;
  for (std::uint64_t i = 0; i < 20; ++i) {
    seeds.insert(key(i, 2, 3));
    epochs.insert(key(1, i, 3));
    images.insert(key(1, 2, i));
  }
  EXPECT_GT(seeds.size(), 10U);
  EXPECT_GT(epochs.size(), 10U);
  EXPECT_GT(images.size(), 10U);
}

TEST(DrawPlacement, AllPlacementsAreAboutEquallyLikely) {
  constexpr int kDraws = 50000;
  std::map<std::int64_t, int> rows, columns;
  int flips = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Placement p = draw_placement({4, true}, 7, 0, std::uint64_t(i));
    ++rows[p.row_shift];
    ++columns[p.column_shift];
    flips += p.flipped;
  }
  // Five standard deviations of a binomial count: one false alarm in a million seeds.
  const auto expect_share = [&](int count, double p) {
    EXPECT_NEAR(count, kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)));
  };
  ASSERT_EQ(rows.size(), 9U);
  ASSERT_EQ(columns.size(), 9U);
  EXPECT_EQ(rows.begin()->first, -4);
  for (const auto& [shift, count] : rows) expect_share(count, 1.0 / 9);
  for (const auto& [shift, count] : columns) expect_share(count, 1.0 / 9);
  expect_share(flips, 0.5);
}

TEST(DrawPlacement, SwitchesAreIndependent) {
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Placement none = draw_placement({}, 7, 1, i);
    EXPECT_EQ(none.row_shift, 0);
    EXPECT_EQ(none.column_shift, 0);
    EXPECT_FALSE(none.flipped);
    const Placement both = draw_placement({4, true}, 7, 1, i);
    EXPECT_EQ(draw_placement({4, false}, 7, 1, i).row_shift, both.row_shift);
    EXPECT_EQ(draw_placement({0, true}, 7, 1, i).flipped, both.flipped);
  }
}

TEST(DrawWindow, LiesInTheImageAndHasItsShareAndProportions) {
  const Augmentation augmentation{.resized_crop = true};
  double shares = 0;
  constexpr int kDraws = 2000;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const Window w = draw_window(augmentation, 300, 400, 7, 1, i);
    ASSERT_GE(std::min({w.top, w.left, 300 - w.top - w.height, 400 - w.left - w.width}), 0);
    const double ratio = double(w.width) / double(w.height),
                 share = double(w.width * w.height) / 12e4;
    ASSERT_GT(ratio, 0.74);  // 3:4, and what rounding to whole pixels adds
    ASSERT_LT(ratio, 1.35);
    ASSERT_GT(share, 0.079);
    shares += share;
  }
  // torchvision's RandomResizedCrop.get_params gives 0.4351 (20,000 draws): windows that do not
  // fit, which are large, are drawn again.
  EXPECT_NEAR(shares / kDraws, 0.4351, 0.02);
}

TEST(DrawWindow, IsAFunctionOfSeedEpochAndIndex) {
  const Augmentation augmentation{.resized_crop = true};
  const auto draw = [&](std::uint64_t seed, std::uint64_t epoch, std::uint64_t index) {
    const Window w = draw_window(augmentation, 1000, 1000, seed, epoch, index);
    return std::array{w.top, w.left, w.height, w.width};
  };
  EXPECT_EQ(draw(1, 2, 3), draw(1, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(2, 2, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 3, 3));
  EXPECT_NE(draw(1, 2, 3), draw(1, 2, 4));
}

// Where no drawn window fits, the middle is taken.
TEST(DrawWindow, TakesTheMiddleOfAStrip) {
  const Augmentation all{.resized_crop = true, .smallest_area = 1};
  const Window wide = draw_window(all, 30, 400, 7, 0, 0), high = draw_window(all, 400, 30, 7, 0, 0);
  EXPECT_EQ((std::array{wide.top, wide.left, wide.height, wide.width}),
            (std::array<std::int64_t, 4>{0, 180, 30, 40}));
  EXPECT_EQ((std::array{high.top, high.left, high.height, high.width}),
            (std::array<std::int64_t, 4>{180, 0, 40, 30}));
  EXPECT_EQ(draw_window(all, 1, 1, 7, 0, 0).height, 1);
}

}  // namespace
}  // namespace hush::data
