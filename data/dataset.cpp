#include "data/dataset.h"

#include "core/error.h"
#include "data/digest.h"

namespace hush::data {

std::string_view name_of(Split split) {
  return split == Split::train ? "train" : "test";
}

std::span<const std::uint8_t> Dataset::image(std::int64_t index) const {
  require(index >= 0 && index < count(), "dataset {}: no image {}, it has {}", name, index,
          count());
  return {pixels.data() + index * image_bytes(), std::size_t(image_bytes())};
}

std::string Dataset::digest() const {
  Digest digest("sha256");
  for (std::int64_t extent : {count(), height, width, channels})
    digest.add_integer(std::uint64_t(extent));
  digest.add(pixels);
  // Labels are at most a few thousand classes; one integer each keeps the format independent of
  // the byte order of this machine.
  for (std::int32_t label : labels) digest.add_integer(std::uint64_t(label));
  return digest.hex();
}

}  // namespace hush::data
