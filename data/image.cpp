#include "data/image.h"

#include <fmt/format.h>
#include <stb/stb_image.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <span>

#include "core/error.h"
#include "data/file_bytes.h"
#include "data/jpeg.h"

namespace hush::data {
namespace {

struct FreeDecoded {
  void operator()(stbi_uc* pixels) const noexcept { stbi_image_free(pixels); }
};

[[noreturn]] void throw_undecodable(const std::filesystem::path& path, std::string_view reason) {
  throw FileError(fmt::format("{}: cannot be decoded as an image ({})", path.string(), reason));
}

bool starts_with(std::span<const std::uint8_t> file, std::string_view magic) {
  return file.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), file.begin(),
                    [](char a, std::uint8_t b) { return std::uint8_t(a) == b; });
}

// stb_image leaves the pixels of a truncated PGM or PPM undefined, so completeness is checked here.
// PNG files end in a checksummed stream, which it does check.
bool is_complete(std::span<const std::uint8_t> file, const Image& announced) {
  return starts_with(file, "\x89PNG") ||
         std::int64_t(file.size()) >= announced.height * announced.width * announced.channels;
}

// The shorter side becomes `shorter`; the other one is cut to whole pixels, as in torchvision.
Image resized_to(const Image& image, std::int64_t shorter) {
  const std::int64_t side = std::min(image.height, image.width);
  return resize(image, image.height * shorter / side, image.width * shorter / side);
}

}  // namespace

Image decode_image(const std::filesystem::path& path, int channels) {
  require(channels == 1 || channels == 3, "decode_image: {} channels, expected 1 or 3", channels);
  const std::vector<std::uint8_t> file = read_file(path);
  if (starts_with(file, "\xff\xd8")) return decode_jpeg(file, channels, path.string());
  if (!starts_with(file, "\x89PNG") && !starts_with(file, "P5") && !starts_with(file, "P6"))
    throw_undecodable(path, "not a JPEG, PNG, PGM or PPM file");
  if (file.size() >= std::size_t{1} << 31) throw_undecodable(path, "2 GiB or more");
  const int bytes = int(file.size());
  int width = 0;
  int height = 0;
  int stored_channels = 0;
  // The header alone first: a few bytes can announce an image that does not fit in memory.
  if (!stbi_info_from_memory(file.data(), bytes, &width, &height, &stored_channels))
    throw_undecodable(path, stbi_failure_reason());
  Image image{height, width, stored_channels, {}};
  if (image.width * image.height > kMostPixels)
    throw_undecodable(path, fmt::format("{} x {} pixels are too many", width, height));
  if (!is_complete(file, image)) throw_undecodable(path, "the file is truncated");
  const std::unique_ptr<stbi_uc, FreeDecoded> decoded(
      stbi_load_from_memory(file.data(), bytes, &width, &height, &stored_channels, channels));
  if (!decoded) throw_undecodable(path, stbi_failure_reason());
  image.channels = channels;
  image.pixels.assign(decoded.get(), decoded.get() + image.height * image.width * channels);
  return image;
}

Image centre_crop(const Image& image, std::int64_t height, std::int64_t width) {
  require(height >= 1 && width >= 1 && height <= image.height && width <= image.width,
          "centre_crop: {} x {} does not lie inside {} x {}", height, width, image.height,
          image.width);
  // Halves round to even, as in torchvision.
  const auto top = std::int64_t(std::nearbyint(double(image.height - height) / 2));
  const auto left = std::int64_t(std::nearbyint(double(image.width - width) / 2));
  return crop(image, top, left, height, width);
}

Image crop(const Image& image, std::int64_t top, std::int64_t left, std::int64_t height,
           std::int64_t width) {
  require(top >= 0 && left >= 0 && height >= 1 && width >= 1 && height <= image.height - top &&
              width <= image.width - left,
          "crop: {} x {} at {}, {} does not lie inside {} x {}", height, width, top, left,
          image.height, image.width);
  Image result{height, width, image.channels, {}};
  result.pixels.reserve(std::size_t(height * width * image.channels));
  for (std::int64_t row = 0; row < height; ++row) {
    const auto begin = image.pixels.begin() + ((top + row) * image.width + left) * image.channels;
    result.pixels.insert(result.pixels.end(), begin, begin + width * image.channels);
  }
  return result;
}

Image fit_square(const Image& image, std::int64_t side, std::int64_t resize_to) {
  require(image.height >= 1 && image.width >= 1, "fit_square: the image has no pixels");
  if (resize_to == 0) resize_to = side;
  require(resize_to >= side, "fit_square: no {} x {} crop of an image resized to {}", side, side,
          resize_to);
  return centre_crop(resized_to(image, resize_to), side, side);
}

Image reduced(Image image, std::int64_t shorter) {
  if (std::min(image.height, image.width) <= shorter) return image;
  return resized_to(image, shorter);
}

}  // namespace hush::data
