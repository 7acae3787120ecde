// From 8-bit pixels to what a network sees: crop, flip, normalise.
//
// What happens to an image is drawn from (seed, epoch, index of the image) alone, so that it does
// not matter which thread prepares it, in which batch it lies, or where an epoch was resumed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace hush::data {

// Random changes to training images; the default is none. The usual recipe for CIFAR is
// {4, true}, for ImageNet {0, true, true}.
struct Augmentation {
  // Pads each side with this many black pixels and crops a random window of the original size.
  int crop_padding = 0;
  bool horizontal_flip = false;  // with probability 1/2
  // First cuts out a rectangle of random place, area (smallest_area to 1 of the image) and
  // proportions (3:4 to 4:3), and resizes it: torchvision's RandomResizedCrop.
  bool resized_crop = false;
  double smallest_area = 0.08;
};

// A rectangle of an image.
struct Window {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

// The window of a random resized crop of a `height` × `width` image. `epoch` below 2^24, `index`
// below 2^40.
Window draw_window(const Augmentation& augmentation, std::int64_t height, std::int64_t width,
                   std::uint64_t seed, std::uint64_t epoch, std::uint64_t index);

// The pixels of an image, HWC, which somebody else holds.
struct PixelView {
  const std::uint8_t* pixels = nullptr;
  std::int64_t height = 0, width = 0, channels = 0;
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

// Writes one image as normalised float32 HWC, of the same extents. Padding is black before
// normalisation, as when torchvision pads before ToTensor. Throws ArgumentError unless the
// normalizer has as many channels.
void place_image(const PixelView& image, const Placement& placement, const Normalizer& normalizer,
                 float* target);

}  // namespace hush::data
