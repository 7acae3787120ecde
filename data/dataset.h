// A labelled set of images, in memory or read from files when they are asked for.
//
// Layout: 8-bit pixels, images one after the other, each with rows from the top and channels
// interleaved (NHWC, the order of image tensors), whatever the order of the file they came from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/image_source.h"

namespace hush::data {

enum class Split { train, test };

// "train" or "test".
std::string_view name_of(Split split);

struct Dataset {
  std::string name;              // as given to load_dataset: "cifar10"
  Split split = Split::train;    // which part of it this is
  std::filesystem::path source;  // the folder that it was read from

  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> pixels;  // [count, height, width, channels]; empty with `images`
  // Where the images come from if they are not in memory: of any size, RGB.
  std::shared_ptr<const ImageSource> images;
  std::int64_t resize = 0;           // of `images`: the shorter side before the centre is cut out
  std::int64_t skipped = 0;          // images that were left out since they do not decode
  std::vector<std::int32_t> labels;  // [count], each below class_names.size()
  std::vector<std::string> class_names;

  // Customary statistics of the training pixels scaled to [0, 1], one value per channel.
  // Weights that were trained elsewhere bring their own.
  std::vector<float> mean;
  std::vector<float> std;

  std::int64_t count() const { return std::int64_t(labels.size()); }
  std::int64_t classes() const { return std::int64_t(class_names.size()); }
  std::int64_t image_bytes() const { return height * width * channels; }
  // The pixels of one image. Throws ArgumentError if there is no such image in memory.
  std::span<const std::uint8_t> image(std::int64_t index) const;
  // A copy of one image, height × width, wherever it is: those of `images` are fitted (fit_square).
  Image fitted(std::int64_t index) const;
  // One image as random crops are cut from it: those of `images` at full size.
  Image whole(std::int64_t index) const;
  // Images first … first + images_wanted - 1 as a dataset. Throws ArgumentError if there are fewer.
  Dataset part(std::int64_t first, std::int64_t images_wanted) const;

  // SHA-256 over the count, the extents, the pixels (or the digest of `images`) and the labels, in
  // hexadecimal: two reports with equal digests used the same images in the same order, wherever
  // they were stored.
  std::string digest() const;
};

}  // namespace hush::data
