// Showing images to people: a contact sheet as a PNG file, coloured characters in a terminal.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "data/dataset.h"
#include "data/image.h"

namespace hush::data {

using Colour = std::array<std::uint8_t, 3>;  // red, green, blue

inline constexpr Colour kRightColour = {0x2e, 0xa0, 0x43};
inline constexpr Colour kWrongColour = {0xd7, 0x30, 0x27};
inline constexpr Colour kNeutralColour = {0x80, 0x80, 0x80};

// One image of a contact sheet.
struct Tile {
  Image image;          // 1 or 3 channels
  std::string caption;  // ASCII; '\n' starts a line; what does not fit is cut off
  Colour border = kNeutralColour;
};

struct SheetLayout {
  int columns = 8;
  int tile_size = 96;  // pixels; images are enlarged by whole factors or reduced to fit
};

// A copy of one image of a dataset.
Image image_of(const Dataset& dataset, std::int64_t index);

// The tiles row by row on white, each framed in its colour above its caption, as RGB.
Image contact_sheet(std::span<const Tile> tiles, const SheetLayout& layout = {});

// Writes `image` (1 or 3 channels) as PNG. Throws FileError if the file cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);

// write_png of contact_sheet.
void write_contact_sheet(const std::filesystem::path& path, std::span<const Tile> tiles,
                         const SheetLayout& layout = {});

// The image in lines of at most `columns` characters, each of which shows two pixels: an upper
// half block whose foreground is the upper pixel and whose background is the lower one, in
// 24-bit colours (ANSI escape sequences). Wider images are reduced. Lines end with '\n'.
std::string terminal_picture(const Image& image, int columns = 64);

}  // namespace hush::data
