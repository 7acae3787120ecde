#include "data/picture.h"

#include "tests/data/scratch.h"

namespace hush::data {
namespace {

Image solid(std::int64_t height, std::int64_t width, Colour colour) {
  Image image{height, width, 3, {}};
  for (std::int64_t i = 0; i < height * width; ++i)
    image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
  return image;
}

// How many pixels of exactly this colour there are.
std::int64_t count(const Image& image, Colour colour) {
  std::int64_t found = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    found += std::equal(colour.begin(), colour.end(), image.pixels.begin() + std::ptrdiff_t(i));
  return found;
}

constexpr Colour kBlue = {0, 0, 255};
constexpr Colour kInk = {0x20, 0x20, 0x20};

TEST(ContactSheet, EnlargesByWholeFactorsAndFrames) {
  const Tile tile{solid(10, 10, kBlue), "", kRightColour};
  const Image sheet = contact_sheet({&tile, 1}, {.columns = 4, .tile_size = 36});
  EXPECT_EQ(count(sheet, kBlue), 30 * 30);
  EXPECT_EQ(count(sheet, kRightColour), 36 * 36 - 30 * 30);
}

TEST(ContactSheet, ReducesLargeAndWideImages) {
  const Tile tile{solid(50, 100, kBlue), "", kWrongColour};
  const Image sheet = contact_sheet({&tile, 1}, {.columns = 1, .tile_size = 40});
  EXPECT_EQ(count(sheet, kBlue), 20 * 40);
  EXPECT_EQ(count(sheet, kWrongColour), 26 * 46 - 20 * 40);
}

TEST(ContactSheet, TilesFillRows) {
  const std::vector<Tile> tiles(5, Tile{solid(4, 4, kBlue), ""});
  const Image two = contact_sheet(tiles, {.columns = 2, .tile_size = 4});
  const Image five = contact_sheet(tiles, {.columns = 9, .tile_size = 4});
  EXPECT_EQ(count(two, kBlue), 5 * 16);
  EXPECT_EQ(count(five, kBlue), 5 * 16);
  EXPECT_LT(two.width, five.width);
  EXPECT_GT(two.height, 2 * five.height);
}

TEST(ContactSheet, CaptionsAreReadable) {
  // Two captions that differ in one letter leave different ink; an "l" is a bar of 8 or so
  // pixels in a column.
  const Image image = solid(8, 8, kBlue);
  const auto ink = [&](const std::string& caption) {
    const Tile tile{image, caption};
    return count(contact_sheet({&tile, 1}, {.columns = 1, .tile_size = 64}), kInk);
  };
  EXPECT_EQ(ink(""), 0);
  EXPECT_EQ(ink("   "), 0);
  EXPECT_GT(ink("l"), 4);
  EXPECT_GT(ink("cat 97 %"), 50);
  EXPECT_EQ(ink("cat\ncat"), 2 * ink("cat"));
  EXPECT_EQ(ink("\xc3\xa9"), ink("??"));  // what the font lacks
}

TEST(ContactSheet, LongCaptionsStayInTheirTile) {
  std::vector<Tile> tiles(2, Tile{solid(8, 8, kBlue), std::string(500, 'W')});
  tiles[1].caption.clear();
  const Image sheet = contact_sheet(tiles, {.columns = 2, .tile_size = 64});
  for (std::int64_t row = 0; row < sheet.height; ++row)
    for (std::int64_t column = sheet.width / 2; column < sheet.width; ++column)
      ASSERT_NE(sheet.pixels[std::size_t((row * sheet.width + column) * 3)], kInk[0]);
}

TEST(ContactSheet, RefusesNonsense) {
  EXPECT_THROW(contact_sheet({}), ArgumentError);
  const Tile tile{Image{2, 2, 2, Bytes(8)}, ""};
  EXPECT_THROW(contact_sheet({&tile, 1}), ArgumentError);
  const Tile short_of_pixels{Image{2, 2, 3, Bytes(8)}, ""};
  EXPECT_THROW(contact_sheet({&short_of_pixels, 1}), ArgumentError);
}

using PictureFile = ScratchTest;

TEST_F(PictureFile, SheetIsAPng) {
  const Tile tile{solid(4, 4, kBlue), "blue"};
  write_contact_sheet(root() / "sheet.png", {&tile, 1});
  EXPECT_EQ(decode_image(root() / "sheet.png").pixels, contact_sheet({&tile, 1}).pixels);
}

TEST_F(PictureFile, CannotBeWritten) {
  expect_error([&] { write_png(root() / "no/a.png", solid(1, 1, kBlue)); },
               {"no/a.png", "cannot be written"});
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  expect_error([&] { write_png("/dev/full", solid(1, 1, kBlue)); },
               {"/dev/full", "cannot be written"});
}

TEST(TerminalPicture, TwoPixelsACharacter) {
  const Image image{3, 2, 1, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(terminal_picture(image),
            "\x1b[38;2;1;1;1m\x1b[48;2;3;3;3m▀\x1b[38;2;2;2;2m\x1b[48;2;4;4;4m▀\x1b[0m\n"
            "\x1b[38;2;5;5;5m▀\x1b[38;2;6;6;6m▀\x1b[0m\n");
}

TEST(TerminalPicture, ReducesToTheWidth) {
  const std::string text = terminal_picture(solid(40, 100, kBlue), 10);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  std::size_t blocks = 0;
  for (std::size_t at = 0; (at = text.find("▀", at)) != text.npos; ++at) ++blocks;
  EXPECT_EQ(blocks, 20U);
  EXPECT_THROW(terminal_picture(solid(1, 1, kBlue), 0), ArgumentError);
}

}  // namespace
}  // namespace hush::data
