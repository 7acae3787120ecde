#include "data/image.h"

#include <stb/stb_image_write.h>
#include <zlib.h>

#include "data/digest.h"
#include "data/file_bytes.h"
#include "data/picture.h"
#include "tests/data/scratch.h"

namespace hush::data {
namespace {

template <class F>
Image make_image(std::int64_t height, std::int64_t width, F&& value) {
  Image image{height, width, 3, {}};
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < 3; ++c) image.pixels.push_back(std::uint8_t(value(y, x, c)));
  return image;
}

std::string sha256(const Image& image) {
  Digest digest("sha256");
  digest.add(image.pixels);
  return digest.hex();
}

// The expected values come from Pillow 9.4.0, Image.resize(…, Image.BILINEAR).
TEST(Resize, EqualsPillow) {
  const Image image = make_image(
      5, 7, [](auto y, auto x, auto c) { return 37 * y + 91 * x + 53 * c + 11 * x * y; });
  EXPECT_EQ(resize(image, 3, 4).pixels,
            (Bytes{66,  114, 159, 143, 139, 116, 113, 166, 133, 103, 156, 141,
                   124, 150, 141, 134, 130, 114, 107, 132, 116, 154, 108, 158,
                   126, 132, 178, 128, 128, 105, 132, 133, 110, 137, 142, 112}));
  EXPECT_EQ(resize(image, 1, 1).pixels, (Bytes{123, 135, 128}));
  EXPECT_EQ(resize(image, 2, 7).pixels,  // one axis only
            (Bytes{37,  90,  143, 139, 180, 175, 171, 119, 91,  87,  128, 123, 119, 172,
                   120, 116, 158, 129, 125, 120, 173, 111, 164, 217, 154, 102, 97,  115,
                   156, 128, 146, 94,  89,  107, 160, 120, 138, 86,  139, 157, 152, 123}));
  EXPECT_EQ(resize(image, 5, 7).pixels, image.pixels);
}

TEST(Resize, EqualsPillowOnLargerImages) {
  const Image image = make_image(
      64, 40, [](auto y, auto x, auto c) { return y * y * 3 + x * x * 5 + x * y * 7 + c * 29; });
  EXPECT_EQ(sha256(resize(image, 11, 13)),
            "2872bbbd3a1687f2bec7da2d35e4d58ecdcc467018c222cbd8ac5ecac808fb18");
  EXPECT_EQ(sha256(resize(image, 80, 97)),
            "ff9379a8901e75b27edf2e3caffd0b9c26567821fe9e3087f40b383558de52a8");
}

TEST(Resize, RefusesNothing) {
  EXPECT_THROW(resize(Image{}, 3, 3), ArgumentError);
  EXPECT_THROW(resize(Image{1, 1, 1, {0}}, 0, 3), ArgumentError);
}

TEST(Crop, TakesTheMiddle) {
  const Image image = make_image(5, 6, [](auto y, auto x, auto) { return 10 * y + x; });
  const Image crop = centre_crop(image, 2, 3);  // 1.5 rows above and 1.5 left: both round to 2
  EXPECT_EQ(crop.pixels[0], 22);
  EXPECT_EQ(crop.pixels.back(), 34);
  EXPECT_THROW(centre_crop(image, 6, 3), ArgumentError);
}

// torchvision's Resize(256) and CenterCrop(224), in small.
TEST(Crop, FitSquareCutsAMarginOff) {
  const Image image = make_image(40, 60, [](auto y, auto x, auto) { return 3 * y + x; });
  EXPECT_EQ(fit_square(image, 14, 20).pixels, centre_crop(resize(image, 20, 30), 14, 14).pixels);
  EXPECT_EQ(fit_square(image, 14, 14).pixels, fit_square(image, 14).pixels);
  EXPECT_THROW(fit_square(image, 14, 13), ArgumentError);
  EXPECT_EQ(reduced(image, 20).pixels, resize(image, 20, 30).pixels);
  EXPECT_EQ(reduced(image, 40).pixels, image.pixels);
  EXPECT_EQ(reduced(image, 50).width, 60);
}

TEST(Crop, FitSquareKeepsProportions) {
  // Left third black, the middle white, the right third black: a square of the middle is white.
  const Image image =
      make_image(10, 30, [](auto, auto x, auto) { return x >= 10 && x < 20 ? 255 : 0; });
  EXPECT_EQ(fit_square(image, 10).pixels, Bytes(300, 255));
  const Image small = fit_square(image, 4);
  EXPECT_EQ(small.height, 4);
  EXPECT_EQ(small.width, 4);
}

using Decode = ScratchTest;

TEST_F(Decode, PngSurvivesARoundTrip) {
  const Image image = make_image(9, 4, [](auto y, auto x, auto c) { return 20 * y + 5 * x + c; });
  write_png(root() / "a.png", image);
  const Image decoded = decode_image(root() / "a.png");
  EXPECT_EQ(decoded.height, 9);
  EXPECT_EQ(decoded.width, 4);
  EXPECT_EQ(decoded.pixels, image.pixels);
}

TEST_F(Decode, GreyBecomesRgb) {
  write("grey.pgm", std::string("P5\n2 1\n255\n\x10\x80"));
  EXPECT_EQ(decode_image(root() / "grey.pgm").pixels, (Bytes{16, 16, 16, 128, 128, 128}));
  EXPECT_EQ(decode_image(root() / "grey.pgm", 1).pixels, (Bytes{16, 128}));
}

// A PNG chunk with its checksum.
std::string chunk(const std::string& type, const std::string& data) {
  const auto big_endian = [](std::uint32_t x) {
    return std::string{char(x >> 24), char(x >> 16), char(x >> 8), char(x)};
  };
  const std::string body = type + data;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size()));
  return big_endian(std::uint32_t(data.size())) + body + big_endian(std::uint32_t(crc));
}

// Grey, 16 bits: the high bytes count.
TEST_F(Decode, SixteenBitPng) {
  const std::string row = {0, '\x12', '\x34', '\xab', '\xcd'};  // no filter, two pixels
  Bytes packed(100);
  uLongf size = packed.size();
  compress(packed.data(), &size, reinterpret_cast<const Bytef*>(row.data()), row.size());
  const std::string header{0, 0, 0, 2, 0, 0, 0, 1, 16, 0, 0, 0, 0};
  write("deep.png", "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) +
                        chunk("IDAT", std::string(packed.begin(), packed.begin() + long(size))) +
                        chunk("IEND", ""));
  EXPECT_EQ(decode_image(root() / "deep.png").pixels, (Bytes{0x12, 0x12, 0x12, 0xab, 0xab, 0xab}));
}

TEST_F(Decode, NotAnImage) {
  write("a.png", std::string("hello"));
  expect_error([&] { decode_image(root() / "a.png"); }, {"a.png", "cannot be decoded"});
  write("b.png", std::string());
  expect_error([&] { decode_image(root() / "b.png"); }, {"b.png", "cannot be decoded"});
  expect_error([&] { decode_image(root() / "c.png"); }, {"c.png", "no such file"});
}

TEST_F(Decode, SizesThatLie) {
  // A few bytes that announce 30000 × 30000 pixels.
  write("bomb.pgm", std::string("P5\n30000 30000\n255\n\x10"));
  expect_error([&] { decode_image(root() / "bomb.pgm"); }, {"bomb.pgm", "30000 x 30000"});
  write("cut.pgm", std::string("P5\n300 300\n255\n\x10"));
  expect_error([&] { decode_image(root() / "cut.pgm"); }, {"cut.pgm", "truncated"});
}

TEST_F(Decode, TruncatedFiles) {
  const Image image = make_image(
      40, 40, [](auto y, auto x, auto c) { return (y * y + 3 * x * x * y + 7 * c * x) >> 2; });
  const std::string jpeg = (root() / "a.jpg").string();
  ASSERT_TRUE(stbi_write_jpg(jpeg.c_str(), 40, 40, 3, image.pixels.data(), 90));
  write_png(root() / "a.png", image);
  for (const char* name : {"a.jpg", "a.png"}) {
    EXPECT_EQ(decode_image(root() / name).width, 40);
    const Bytes whole = read_file(root() / name);
    for (std::size_t kept : {std::size_t{3}, whole.size() / 2, whole.size() - 30}) {
      write(name, std::span(whole).first(kept));
      expect_error([&] { decode_image(root() / name); }, {name, "cannot be decoded"});
    }
    write(name, whole);
  }
  Bytes padded = read_file(root() / "a.jpg");
  padded.resize(padded.size() + 100);  // cameras do that
  write("padded.jpg", padded);
  EXPECT_EQ(decode_image(root() / "padded.jpg").pixels, decode_image(root() / "a.jpg").pixels);
}

}  // namespace
}  // namespace hush::data
