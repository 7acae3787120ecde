// JPEG: colour spaces, and files that are damaged.
#include "data/jpeg.h"

#include <cstdio>

#include <jpeglib.h>

#include "data/file_bytes.h"
#include "tests/data/scratch.h"

namespace hush::data {
namespace {

constexpr int kHeight = 24, kWidth = 40;

// A smooth picture in any number of channels, as a JPEG of that colour space.
Bytes encode(J_COLOR_SPACE space, int channels, bool progressive = false) {
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &memory, &size);
  encoder.image_height = kHeight;
  encoder.image_width = kWidth;
  encoder.input_components = channels;
  encoder.in_color_space = space;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, 100, TRUE);
  if (progressive) jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  for (int y = 0; y < kHeight; ++y) {
    Bytes row;
    for (int x = 0; x < kWidth; ++x)
      for (int c = 0; c < channels; ++c) row.push_back(std::uint8_t(4 * y + 2 * x + 20 * c));
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&encoder, &rows, 1);
  }
  jpeg_finish_compress(&encoder);
  Bytes result(memory, memory + size);
  jpeg_destroy_compress(&encoder);
  std::free(memory);
  return result;
}

void expect_pixel(const Image& image, int y, int x, std::array<int, 3> rgb) {
  for (std::size_t c = 0; c < std::size_t(image.channels); ++c)
    EXPECT_NEAR(image.pixels[std::size_t(y * kWidth + x) * std::size_t(image.channels) + c], rgb[c],
                2)
        << "channel " << c;
}

TEST(Jpeg, ColourAndGrey) {
  for (const bool progressive : {false, true}) {
    const Image image = decode_jpeg(encode(JCS_RGB, 3, progressive), 3, "a");
    EXPECT_EQ(image.height, kHeight);
    EXPECT_EQ(image.width, kWidth);
    expect_pixel(image, 10, 20, {80, 100, 120});
  }
  expect_pixel(decode_jpeg(encode(JCS_RGB, 3), 1, "a"), 10, 20, {98, 0, 0});  // 0.299, 0.587, 0.114
  expect_pixel(decode_jpeg(encode(JCS_GRAYSCALE, 1), 3, "a"), 10, 20, {80, 80, 80});
}

// Inks are stored inverted: 255 is none. Light 140 of 255 darkens 80, 100, 120.
TEST(Jpeg, CmykBecomesRgb) {
  const Image image = decode_jpeg(encode(JCS_CMYK, 4), 3, "a");
  expect_pixel(image, 10, 20, {80 * 140 / 255, 100 * 140 / 255, 120 * 140 / 255});
  const double grey = (0.299 * 80 + 0.587 * 100 + 0.114 * 120) * 140 / 255;
  expect_pixel(decode_jpeg(encode(JCS_CMYK, 4), 1, "a"), 10, 20, {int(grey), 0, 0});
}

TEST(Jpeg, DamageIsAFileError) {
  const Bytes whole = encode(JCS_RGB, 3);
  const auto decodes = [](const Bytes& bytes) { decode_jpeg(bytes, 3, "a.jpg"); };
  decodes(whole);
  for (std::size_t size = 0; size + 2 < whole.size(); size += 7)
    expect_error([&] { decodes(Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size))); },
                 {"a.jpg: cannot be decoded as an image"});
  // Any byte damaged: an image or an error, of the announced size or smaller.
  for (std::size_t at = 2; at < whole.size(); ++at) {
    Bytes damaged = whole;
    damaged[at] ^= 0xff;
    try {
      decodes(damaged);
    } catch (const FileError&) {
    }
  }
  Bytes huge = whole;  // the frame header announces 65,500 × 65,500 pixels
  const auto frame =
      std::search(huge.begin(), huge.end(), std::begin("\xff\xc0"), std::begin("\xff\xc0") + 2,
                  [](std::uint8_t a, char b) { return a == std::uint8_t(b); });
  for (int i = 5; i < 9; ++i) frame[i] = i % 2 == 1 ? 0xff : 0xdc;
  expect_error([&] { decodes(huge); }, {"65500 x 65500 pixels are too many"});
}

}  // namespace
}  // namespace hush::data
