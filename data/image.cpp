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

namespace hush::data {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

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

// stb_image takes the end of a file for zeros (JPEG) or leaves pixels undefined (PGM, PPM), so
// completeness is checked here. PNG files end in a checksummed stream, which it does check.
bool is_complete(std::span<const std::uint8_t> file, const Image& announced) {
  if (starts_with(file, "P"))
    return std::int64_t(file.size()) >= announced.height * announced.width * announced.channels;
  if (starts_with(file, "\x89PNG")) return true;
  // After the last start of a scan there must be an end of image. The markers cannot occur by
  // chance: in the coded data 0xff is followed by zero or a restart marker.
  constexpr std::array<std::uint8_t, 2> kStartOfScan = {0xff, 0xda};
  constexpr std::array<std::uint8_t, 2> kEndOfImage = {0xff, 0xd9};
  const auto scan =
      std::find_end(file.begin(), file.end(), kStartOfScan.begin(), kStartOfScan.end());
  return std::search(scan, file.end(), kEndOfImage.begin(), kEndOfImage.end()) != file.end();
}

}  // namespace

Image decode_image(const std::filesystem::path& path, int channels) {
  require(channels == 1 || channels == 3, "decode_image: {} channels, expected 1 or 3", channels);
  const std::vector<std::uint8_t> file = read_file(path);
  if (!starts_with(file, "\xff\xd8") && !starts_with(file, "\x89PNG") && !starts_with(file, "P5") &&
      !starts_with(file, "P6"))
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
