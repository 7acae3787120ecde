#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace hush::data {
namespace {

// Writes one row of pixels. `Channels` is the number of channels if it is known when compiling,
// which keeps the look-ups of one pixel in registers; 0 if not.
template <int Channels>
void place_row(const std::uint8_t* row, std::int64_t width, const Placement& placement,
               const Normalizer& normalizer, float* target) {
  const std::int64_t channels = Channels ? Channels : normalizer.channels();
  // The columns of the result that have an original; the rest is black.
  const std::int64_t first = std::clamp<std::int64_t>(-placement.column_shift, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(width - placement.column_shift, first, width);
  const auto offset = [&](std::int64_t column) {
    return (placement.flipped ? width - 1 - column : column) * channels;
  };
  const auto black = [&](std::int64_t column) {
    for (std::int64_t c = 0; c < channels; ++c) target[offset(column) + c] = normalizer(c, 0);
  };
  for (std::int64_t column = 0; column < first; ++column) black(column);
  for (std::int64_t column = end; column < width; ++column) black(column);
  for (std::int64_t column = first; column < end; ++column) {
    const std::uint8_t* pixel = row + (column + placement.column_shift) * channels;
    float* out = target + offset(column);
    for (std::int64_t c = 0; c < channels; ++c) out[c] = normalizer(c, pixel[c]);
  }
}

}  // namespace

Placement draw_placement(const Augmentation& augmentation, std::uint64_t seed, std::uint64_t epoch,
                         std::uint64_t index) {
  RandomStream stream(seed, RandomUse::augmentation, epoch << 40 | index);
  Placement placement;
  // Drawn always and in this order, so that switching one on does not change the other.
  const std::uint32_t positions = 2 * std::uint32_t(augmentation.crop_padding) + 1;
  placement.row_shift = std::int64_t{stream.below(positions)} - augmentation.crop_padding;
  placement.column_shift = std::int64_t{stream.below(positions)} - augmentation.crop_padding;
  const bool heads = stream.below(2) == 1;
  placement.flipped = augmentation.horizontal_flip && heads;
  return placement;
}

Window draw_window(const Augmentation& augmentation, std::int64_t height, std::int64_t width,
                   std::uint64_t seed, std::uint64_t epoch, std::uint64_t index) {
  RandomStream stream(seed, RandomUse::crop, epoch << 40 | index);
  const double area = double(height * width), log_ratio = std::log(4.0 / 3.0);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double share =
        augmentation.smallest_area + (1 - augmentation.smallest_area) * double(stream.uniform());
    const double ratio = std::exp(log_ratio * (2 * double(stream.uniform()) - 1));
    const auto w = std::llround(std::sqrt(area * share * ratio));
    const auto h = std::llround(std::sqrt(area * share / ratio));
    if (w < 1 || w > width || h < 1 || h > height) continue;
    Window window{.height = h, .width = w};
    window.top = stream.below(std::uint32_t(height - h + 1));
    window.left = stream.below(std::uint32_t(width - w + 1));
    return window;
  }
  // A very long image: as much of its middle as has the most extreme proportions allowed.
  Window window{.height = height, .width = width};
  if (double(width) > double(height) * 4 / 3)
    window.width = std::llround(double(height) * 4 / 3);
  else if (double(width) < double(height) * 3 / 4)
    window.height = std::llround(double(width) * 4 / 3);
  window.top = (height - window.height) / 2;
  window.left = (width - window.width) / 2;
  return window;
}

Normalizer::Normalizer(std::span<const float> mean, std::span<const float> std)
    : table_(mean.size()) {
  require(!mean.empty() && mean.size() == std.size(),
          "normalise: {} means and {} standard deviations", mean.size(), std.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    require(std::isfinite(mean[c]) && std::isfinite(std[c]) && std[c] > 0,
            "normalise: channel {} has mean {} and standard deviation {}", c, mean[c], std[c]);
    for (int value = 0; value < 256; ++value)
      table_[c][std::size_t(value)] = (float(value) / 255.0f - mean[c]) / std[c];
  }
}

void place_image(const PixelView& image, const Placement& placement, const Normalizer& normalizer,
                 float* target) {
  require(normalizer.channels() == image.channels,
          "normalise: {} means for an image of {} channels", normalizer.channels(), image.channels);
  const std::int64_t row_elements = image.width * image.channels;
  Placement outside = placement;
  outside.column_shift = image.width;  // moves every original pixel out of the row
  for (std::int64_t row = 0; row < image.height; ++row, target += row_elements) {
    const std::int64_t from = row + placement.row_shift;
    const bool inside = from >= 0 && from < image.height;
    const std::uint8_t* source = image.pixels + (inside ? from * row_elements : 0);
    const Placement& used = inside ? placement : outside;
    if (image.channels == 3)
      place_row<3>(source, image.width, used, normalizer, target);
    else
      place_row<0>(source, image.width, used, normalizer, target);
  }
}

}  // namespace hush::data
