#include "data/image.h"

#include <fmt/format.h>
#include <stb/stb_image.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "data/file_bytes.h"

namespace hush::data {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

struct FreeDecoded {
  void operator()(stbi_uc* pixels) const noexcept { stbi_image_free(pixels); }
};

[[noreturn]] void throw_undecodable(const std::filesystem::path& path) {
  throw FileError(
      fmt::format("{}: cannot be decoded as an image ({})", path.string(), stbi_failure_reason()));
}

}  // namespace

Image decode_image(const std::filesystem::path& path, int channels) {
  require(channels == 1 || channels == 3, "decode_image: {} channels, expected 1 or 3", channels);
  const std::vector<std::uint8_t> file = read_file(path);
  require(file.size() < std::size_t{1} << 31, "{}: too large for an image file", path.string());
  const int bytes = int(file.size());
  int width = 0;
  int height = 0;
  int stored_channels = 0;
  // The header alone first: a few bytes can announce an image that does not fit in memory.
  if (!stbi_info_from_memory(file.data(), bytes, &width, &height, &stored_channels))
    throw_undecodable(path);
  if (std::int64_t{width} * height > kMostPixels)
    throw FileError(fmt::format("{}: {} x {} pixels is more than this program decodes",
                                path.string(), width, height));
  const std::unique_ptr<stbi_uc, FreeDecoded> decoded(
      stbi_load_from_memory(file.data(), bytes, &width, &height, &stored_channels, channels));
  if (!decoded) throw_undecodable(path);
  Image image{height, width, channels, {}};
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
  Image result{height, width, image.channels, {}};
  result.pixels.reserve(std::size_t(height * width * image.channels));
  for (std::int64_t row = 0; row < height; ++row) {
    const auto begin = image.pixels.begin() + ((top + row) * image.width + left) * image.channels;
    result.pixels.insert(result.pixels.end(), begin, begin + width * image.channels);
  }
  return result;
}

Image fit_square(const Image& image, std::int64_t side) {
  require(image.height >= 1 && image.width >= 1, "fit_square: the image has no pixels");
  const std::int64_t shorter = std::min(image.height, image.width);
  return centre_crop(resize(image, image.height * side / shorter, image.width * side / shorter),
                     side, side);
}

}  // namespace hush::data
