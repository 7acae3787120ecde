// Decoding JPEG with libjpeg-turbo, whose pixels are those of Pillow and torchvision.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/image.h"

namespace hush::data {

// Decodes to `channels` channels: 1 is grey (the luminance), 3 is RGB. CMYK and YCCK become RGB as
// in Pillow, their inks taken for inverted, as Adobe's programs write them. Orientation tags are
// not followed, as in torchvision. Throws FileError, beginning with `where`, if the file is no
// JPEG, is cut short or corrupt, or has more than kMostPixels pixels.
Image decode_jpeg(std::span<const std::uint8_t> file, int channels, const std::string& where);

}  // namespace hush::data
