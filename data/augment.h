// From 8-bit pixels to what a network sees: crop, flip, normalise.
//
// What happens to an image is drawn from (seed, epoch, index of the image) alone, so that it does
// not matter which thread prepares it, in which batch it lies, or where an epoch was resumed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"

namespace hush::data {

// Random changes to training images; the default is none. The usual recipe for CIFAR is
// {4, true}.
struct Augmentation {
  // Pads each side with this many black pixels and crops a random window of the original size.
  int crop_padding = 0;
  bool horizontal_flip = false;  // with probability 1/2
};

// What was drawn for one image: pixel (y, x) of the result is pixel
// (y + row_shift, x' + column_shift) of the original, black outside of it; x' is x, or counted
// from the right if flipped.
struct Placement {
  std::int64_t row_shift = 0;  // -crop_padding … crop_padding
  std::int64_t column_shift = 0;
  bool flipped = false;
};

// `epoch` below 2^24, `index` below 2^40.
Placement draw_placement(const Augmentation& augmentation, std::uint64_t seed, std::uint64_t epoch,
                         std::uint64_t index);

// (value / 255 - mean) / std in float, as torchvision's ToTensor and Normalize compute it. A
// pixel has 256 values, so the results are looked up.
class Normalizer {
 public:
  // One mean and one std, above zero, per channel.
  Normalizer(std::span<const float> mean, std::span<const float> std);

  std::int64_t channels() const { return std::int64_t(table_.size()); }
  float operator()(std::int64_t channel, std::uint8_t value) const {
    return table_[std::size_t(channel)][value];
  }

 private:
  std::vector<std::array<float, 256>> table_;
};

// Writes one image (HWC, of dataset.image_bytes() bytes) as normalised float32 HWC. Padding is
// black before normalisation, as when torchvision pads before ToTensor.
void place_image(const Dataset& dataset, std::int64_t index, const Placement& placement,
                 const Normalizer& normalizer, float* target);

}  // namespace hush::data
