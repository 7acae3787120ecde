#include "data/picture.h"

#include <fmt/format.h>
#include <stb/stb_easy_font.h>
#include <stb/stb_image_write.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/error.h"

namespace hush::data {
namespace {

constexpr std::int64_t kBorder = 3;
constexpr std::int64_t kGap = 8;
constexpr std::int64_t kLine = 12;  // the height of a line of text, which stb_easy_font fixes
constexpr Colour kText = {0x20, 0x20, 0x20};

void require_picture(const Image& image, const char* where) {
  require((image.channels == 1 || image.channels == 3) && image.height >= 1 && image.width >= 1 &&
              std::int64_t(image.pixels.size()) == image.height * image.width * image.channels,
          "{}: expected an image of 1 or 3 channels, got {} x {} x {}", where, image.height,
          image.width, image.channels);
}

Colour pixel(const Image& image, std::int64_t row, std::int64_t column) {
  const std::uint8_t* p = image.pixels.data() + (row * image.width + column) * image.channels;
  if (image.channels == 1) return {p[0], p[0], p[0]};
  return {p[0], p[1], p[2]};
}

void fill(Image& sheet, std::int64_t top, std::int64_t left, std::int64_t height,
          std::int64_t width, Colour colour) {
  for (std::int64_t row = top; row < std::min(top + height, sheet.height); ++row)
    for (std::int64_t column = left; column < std::min(left + width, sheet.width); ++column)
      std::copy(colour.begin(), colour.end(),
                sheet.pixels.begin() + (row * sheet.width + column) * 3);
}

// Enlarges by a whole factor, which keeps the pixels of small images square and sharp, or
// reduces so that the longer side is `size`.
Image scaled_to(const Image& image, std::int64_t size) {
  const std::int64_t longer = std::max(image.height, image.width);
  if (longer > size)
    return resize(image, std::max<std::int64_t>(image.height * size / longer, 1),
                  std::max<std::int64_t>(image.width * size / longer, 1));
  const std::int64_t factor = size / longer;
  Image result{image.height * factor, image.width * factor, image.channels, {}};
  for (std::int64_t row = 0; row < result.height; ++row)
    for (std::int64_t column = 0; column < result.width; ++column)
      for (std::int64_t c = 0; c < image.channels; ++c)
        result.pixels.push_back(image.pixels[std::size_t(
            ((row / factor) * image.width + column / factor) * image.channels + c)]);
  return result;
}

void draw_image(Image& sheet, std::int64_t top, std::int64_t left, const Image& image) {
  for (std::int64_t row = 0; row < image.height; ++row)
    for (std::int64_t column = 0; column < image.width; ++column)
      fill(sheet, top + row, left + column, 1, 1, pixel(image, row, column));
}

// Draws one line of text, cut off at `width` pixels. stb_easy_font makes rectangles of it, four
// vertices each: top left, top right, bottom right, bottom left.
void draw_line(Image& sheet, std::int64_t top, std::int64_t left, std::int64_t width,
               std::string line) {
  for (char& c : line)
    if (c < ' ' || c > '~') c = '?';  // its font has no other characters
  while (stb_easy_font_width(line.data()) > width) line.pop_back();
  struct Vertex {
    float x, y, z;
    std::uint8_t colour[4];
  };
  std::vector<Vertex> vertices(line.size() * 32 * 4);  // no letter has more than 32 rectangles
  const int rectangles = stb_easy_font_print(0, 0, line.data(), nullptr, vertices.data(),
                                             int(vertices.size() * sizeof(Vertex)));
  for (int i = 0; i < rectangles; ++i) {
    const Vertex& first = vertices[std::size_t(i) * 4];
    const Vertex& opposite = vertices[std::size_t(i) * 4 + 2];
    fill(sheet, top + std::int64_t(first.y), left + std::int64_t(first.x),
         std::int64_t(opposite.y - first.y), std::int64_t(opposite.x - first.x), kText);
  }
}

void draw_caption(Image& sheet, std::int64_t top, std::int64_t left, std::int64_t width,
                  const std::string& caption) {
  for (std::size_t begin = 0; begin <= caption.size(); top += kLine) {
    const std::size_t end = std::min(caption.find('\n', begin), caption.size());
    draw_line(sheet, top, left, width, caption.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace

Image image_of(const Dataset& dataset, std::int64_t index) {
  return dataset.fitted(index);
}

Image contact_sheet(std::span<const Tile> tiles, const SheetLayout& layout) {
  require(!tiles.empty() && layout.columns >= 1 && layout.tile_size >= 1,
          "contact sheet: {} tiles of {} pixels in {} columns", tiles.size(), layout.tile_size,
          layout.columns);
  std::int64_t lines = 0;
  for (const Tile& tile : tiles) {
    require_picture(tile.image, "contact sheet");
    lines = std::max<std::int64_t>(
        lines, tile.caption.empty() ? 0 : 1 + std::ranges::count(tile.caption, '\n'));
  }
  const std::int64_t frame = layout.tile_size + 2 * kBorder;
  const std::int64_t row_height = frame + lines * kLine + kGap;
  const std::int64_t columns = std::min<std::int64_t>(layout.columns, std::ssize(tiles));
  const std::int64_t rows = (std::ssize(tiles) + columns - 1) / columns;
  Image sheet{kGap + rows * row_height, kGap + columns * (frame + kGap), 3, {}};
  sheet.pixels.assign(std::size_t(sheet.height * sheet.width * 3), 0xff);
  for (std::int64_t i = 0; i < std::ssize(tiles); ++i) {
    const Tile& tile = tiles[std::size_t(i)];
    const std::int64_t top = kGap + i / columns * row_height;
    const std::int64_t left = kGap + i % columns * (frame + kGap);
    const Image image = scaled_to(tile.image, layout.tile_size);
    const std::int64_t image_top = top + (frame - image.height) / 2;
    const std::int64_t image_left = left + (frame - image.width) / 2;
    fill(sheet, image_top - kBorder, image_left - kBorder, image.height + 2 * kBorder,
         image.width + 2 * kBorder, tile.border);
    draw_image(sheet, image_top, image_left, image);
    draw_caption(sheet, top + frame + 2, left, frame, tile.caption);
  }
  return sheet;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  require_picture(image, "write_png");
  std::string png;
  const auto append = [](void* user, void* bytes, int count) {
    static_cast<std::string*>(user)->append(static_cast<const char*>(bytes), std::size_t(count));
  };
  if (!stbi_write_png_to_func(append, &png, int(image.width), int(image.height),
                              int(image.channels), image.pixels.data(), 0))
    throw Error(fmt::format("{}: the image cannot be encoded as PNG", path.string()));
  std::ofstream out(path, std::ios::binary);
  out.write(png.data(), std::streamsize(png.size()));
  out.close();
  if (!out)
    throw FileError(fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
}

void write_contact_sheet(const std::filesystem::path& path, std::span<const Tile> tiles,
                         const SheetLayout& layout) {
  write_png(path, contact_sheet(tiles, layout));
}

std::string terminal_picture(const Image& image, int columns) {
  require_picture(image, "terminal_picture");
  require(columns >= 1, "terminal_picture: {} columns", columns);
  const std::int64_t width = std::min<std::int64_t>(image.width, columns);
  const std::int64_t height = std::max<std::int64_t>(image.height * width / image.width, 1);
  const Image shown = resize(image, height, width);
  std::string text;
  for (std::int64_t row = 0; row < height; row += 2) {
    for (std::int64_t column = 0; column < width; ++column) {
      const Colour upper = pixel(shown, row, column);
      text += fmt::format("\x1b[38;2;{}m", fmt::join(upper, ";"));
      // An odd last row has nothing below it: the terminal's own background stays.
      if (row + 1 < height)
        text += fmt::format("\x1b[48;2;{}m", fmt::join(pixel(shown, row + 1, column), ";"));
      text += "▀";
    }
    text += "\x1b[0m\n";
  }
  return text;
}

}  // namespace hush::data
