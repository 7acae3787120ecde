// The real datasets, where they are at hand. Expected statistics were computed with NumPy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/load_dataset.h"

namespace hush::data {
namespace {

struct Statistics {
  std::vector<double> mean;
  std::vector<double> std;
  std::vector<int> labels;  // images of each class
};

Statistics statistics(const Dataset& dataset) {
  const std::size_t channels = std::size_t(dataset.channels);
  std::vector<double> sum(channels), squares(channels);
  for (std::size_t i = 0; i < dataset.pixels.size(); ++i) {
    const double value = dataset.pixels[i] / 255.0;
    sum[i % channels] += value;
    squares[i % channels] += value * value;
  }
  const double count = double(dataset.pixels.size() / channels);
  Statistics result{{}, {}, std::vector<int>(dataset.class_names.size())};
  for (std::size_t c = 0; c < channels; ++c) {
    result.mean.push_back(sum[c] / count);
    result.std.push_back(std::sqrt(squares[c] / count - result.mean[c] * result.mean[c]));
  }
  for (std::int32_t label : dataset.labels) ++result.labels[std::size_t(label)];
  return result;
}

class RealData : public testing::Test {
 protected:
  // Whether the dataset is at hand; never downloads.
  bool present(const std::string& name) {
    try {
      obtain_dataset(name, options_);
      return true;
    } catch (const FileError& error) {
      reason_ = error.what();
      return false;
    }
  }
  Dataset load(const std::string& name, Split split) { return load_dataset(name, split, options_); }
  static void expect_near(const std::vector<double>& values, const std::vector<double>& expected) {
    ASSERT_EQ(values.size(), expected.size());
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-4);
  }

  LoadOptions options_ = [] {
    LoadOptions options;
    options.allow_download = false;
    options.images.side = 32;
    return options;
  }();
  std::string reason_;
};

TEST_F(RealData, Cifar10) {
  if (!present("cifar10")) GTEST_SKIP() << reason_;
  const Dataset test = load("cifar10", Split::test);
  ASSERT_EQ(test.count(), 10000);
  const Statistics of_test = statistics(test);
  expect_near(of_test.mean, {0.4942, 0.4851, 0.4504});
  EXPECT_THAT(of_test.labels, testing::Each(1000));
  EXPECT_EQ(test.class_names[0], "airplane");
  EXPECT_EQ(test.class_names[9], "truck");

  const Dataset train = load("cifar10", Split::train);
  ASSERT_EQ(train.count(), 50000);
  const Statistics of_train = statistics(train);
  expect_near(of_train.mean, {train.mean.begin(), train.mean.end()});
  expect_near(of_train.std, {train.std.begin(), train.std.end()});
  EXPECT_THAT(of_train.labels, testing::Each(5000));
}

TEST_F(RealData, Cifar100) {
  if (!present("cifar100")) GTEST_SKIP() << reason_;
  const Dataset fine = load("cifar100", Split::test);
  EXPECT_EQ(fine.classes(), 100);
  EXPECT_EQ(fine.class_names.front(), "apple");
  EXPECT_EQ(fine.class_names.back(), "worm");
  // The official test split begins so; a part of it may be at hand.
  ASSERT_GE(fine.count(), 5);
  const std::vector<std::int32_t> first(fine.labels.begin(), fine.labels.begin() + 5);
  EXPECT_THAT(first, testing::ElementsAre(49, 33, 72, 51, 71));
  const std::vector<double> published = {0.5071, 0.4865, 0.4409};
  const Statistics found = statistics(fine);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found.mean[c], published[c], 0.01);

  options_.coarse_labels = true;
  const Dataset coarse = load("cifar100", Split::test);
  EXPECT_EQ(coarse.classes(), 20);
  EXPECT_EQ(coarse.class_names[10], "large_natural_outdoor_scenes");
  EXPECT_EQ(coarse.labels[0], 10);  // a mountain
  EXPECT_EQ(coarse.pixels, fine.pixels);
}

TEST_F(RealData, FashionMnist) {
  if (!present("fashion-mnist")) GTEST_SKIP() << reason_;
  const Dataset train = load("fashion-mnist", Split::train);
  ASSERT_EQ(train.count(), 60000);
  EXPECT_EQ(train.height, 28);
  EXPECT_EQ(train.width, 28);
  const Statistics of_train = statistics(train);
  expect_near(of_train.mean, {0.2860});
  expect_near(of_train.std, {0.3530});
  EXPECT_THAT(of_train.labels, testing::Each(6000));
  EXPECT_EQ(train.digest(), "0652f1cbe5663d0873cbf9ac28fa853240c955d123e80b99f2769b92d402ee7e");

  const Dataset test = load("fashion-mnist", Split::test);
  ASSERT_EQ(test.count(), 10000);
  EXPECT_EQ(test.digest(), "cabc161683b214b5c0e6d12c1e239f50e190f47219f521fd48c17f3fbff2f4b0");
  EXPECT_EQ(test.class_names[std::size_t(test.labels[0])], "Ankle boot");
}

TEST_F(RealData, Imagenette) {
  options_.data_dir = "datasets/imagenette";
  if (!std::filesystem::is_directory(options_.data_dir))
    GTEST_SKIP() << "no datasets/imagenette: unpack Imagenette there (folders train/ and val/)";
  const Dataset test = load("imagefolder", Split::test);
  EXPECT_EQ(test.classes(), 10);
  EXPECT_EQ(test.class_names.front(), "n01440764");
  EXPECT_EQ(test.image_bytes(), 32 * 32 * 3);
  EXPECT_THAT(statistics(test).labels, testing::Each(testing::Gt(0)));
  // Natural images: neither black nor white nor in the wrong channel order by much.
  const Statistics found = statistics(test);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found.mean[c], test.mean[c], 0.1);
}

TEST_F(RealData, TinyImageNet) {
  if (!present("tiny-imagenet")) GTEST_SKIP() << reason_;
  options_.images.side = 0;
  const Dataset val = load("tiny-imagenet", Split::test);
  EXPECT_EQ(val.classes(), 200);
  EXPECT_EQ(val.image_bytes(), 64 * 64 * 3);
  EXPECT_EQ(val.skipped, 0);
  const Statistics found = statistics(val);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(found.mean[c], val.mean[c], 0.03);
  // Part of the training images may be at hand; every class is.
  EXPECT_THAT(statistics(load("tiny-imagenet", Split::train)).labels,
              testing::Each(testing::Gt(0)));
}

}  // namespace
}  // namespace hush::data
