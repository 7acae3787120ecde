#include "data/dataset.h"

#include <numeric>

#include "core/error.h"
#include "data/digest.h"

namespace hush::data {

std::string_view name_of(Split split) {
  return split == Split::train ? "train" : "test";
}

std::span<const std::uint8_t> Dataset::image(std::int64_t index) const {
  require(index >= 0 && index < count(), "dataset {}: no image {}, it has {}", name, index,
          count());
  require(images == nullptr, "dataset {}: its images are not in memory", name);
  return {pixels.data() + index * image_bytes(), std::size_t(image_bytes())};
}

Image Dataset::fitted(std::int64_t index) const {
  Image image = whole(index);
  return images == nullptr ? image : fit_square(image, height, resize);
}

Image Dataset::whole(std::int64_t index) const {
  if (images != nullptr) return images->read(index);
  const std::span<const std::uint8_t> bytes = image(index);
  return {height, width, channels, {bytes.begin(), bytes.end()}};
}

Dataset Dataset::part(std::int64_t first, std::int64_t images_wanted) const {
  require(first >= 0 && images_wanted >= 0 && images_wanted <= count() - first,
          "dataset {}: no images {} to {}, it has {}", name, first, first + images_wanted, count());
  Dataset result = *this;
  result.labels.assign(labels.begin() + first, labels.begin() + first + images_wanted);
  if (images == nullptr) {
    const auto begin = pixels.begin() + first * image_bytes();
    result.pixels.assign(begin, begin + images_wanted * image_bytes());
  } else {
    std::vector<std::int64_t> chosen(static_cast<std::size_t>(images_wanted));
    std::iota(chosen.begin(), chosen.end(), first);
    result.images = std::make_shared<ChosenImages>(images, std::move(chosen));
  }
  return result;
}

std::string Dataset::digest() const {
  Digest digest("sha256");
  for (std::int64_t extent : {count(), height, width, channels})
    digest.add_integer(std::uint64_t(extent));
  digest.add(pixels);
  if (images != nullptr) {
    const std::string source_digest = images->digest();
    digest.add({reinterpret_cast<const std::uint8_t*>(source_digest.data()), source_digest.size()});
    digest.add_integer(std::uint64_t(resize));
  }
  // Labels are at most a few thousand classes; one integer each keeps the format independent of
  // the byte order of this machine.
  for (std::int32_t label : labels) digest.add_integer(std::uint64_t(label));
  return digest.hex();
}

}  // namespace hush::data
