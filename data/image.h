// One 8-bit image: decoding files, resizing, cropping.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace hush::data {

// Rows from the top, pixels from the left, channels interleaved (HWC).
struct Image {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, channels]
};

// Decodes a JPEG (jpeg.h), PNG, PGM or PPM file (stb_image) to `channels` channels: 1 is grey, 3 is
// RGB. Grey files become RGB with equal channels, 16-bit files lose their low bytes, alpha is
// dropped. Throws FileError naming the file if it is of another kind, truncated, damaged, or has
// more than kMostPixels pixels.
Image decode_image(const std::filesystem::path& path, int channels = 3);

// A few bytes can announce an image that does not fit into memory.
inline constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

// The suffixes of such files, in lower case.
inline constexpr std::array<std::string_view, 5> kImageSuffixes = {".jpg", ".jpeg", ".png", ".pgm",
                                                                   ".ppm"};

// Bilinear interpolation whose triangle grows with the reduction, so that no pixel is skipped
// (antialiasing), as Pillow's BILINEAR and torchvision's Resize(antialias=True) do it. The
// arithmetic is in fixed point, horizontal pass first, each pass rounded to 8 bits: the result
// equals Pillow's bit for bit.
Image resize(const Image& image, std::int64_t height, std::int64_t width);

// The middle `height` × `width` of an image that is at least as large.
Image centre_crop(const Image& image, std::int64_t height, std::int64_t width);

// Resizes so that the shorter side is `resize`, keeping the proportions, and takes the middle
// `side` × `side` of that: torchvision's Resize(resize) and CenterCrop(side), pixel for pixel.
// `resize` is at least `side`; 0 means `side`.
Image fit_square(const Image& image, std::int64_t side, std::int64_t resize = 0);

// The image with its shorter side reduced to `shorter`; as it is if that is not longer.
Image reduced(Image image, std::int64_t shorter);

// The `height` × `width` pixels from row `top` and column `left` on; they must lie in the image.
Image crop(const Image& image, std::int64_t top, std::int64_t left, std::int64_t height,
           std::int64_t width);

}  // namespace hush::data
