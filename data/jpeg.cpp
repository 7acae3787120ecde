#include "data/jpeg.h"

#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include <jerror.h>

#include "core/error.h"

namespace hush::data {
namespace {

// libjpeg reports errors by a function that must not return. Throwing through its C frames is not
// allowed, so it jumps back to step(), which has nothing to destroy, and decode() throws.
struct ErrorState {
  jpeg_error_mgr manager;  // first: libjpeg hands out its address
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> message;
  bool damaged;  // a warning that means lost pixels
};

ErrorState& state_of(j_common_ptr decoder) {
  return *reinterpret_cast<ErrorState*>(decoder->err);
}

void on_error(j_common_ptr decoder) {
  ErrorState& state = state_of(decoder);
  decoder->err->format_message(decoder, state.message.data());
  std::longjmp(state.back, 1);
}

void on_message(j_common_ptr decoder, int level) {
  if (level >= 0) return;  // for debugging
  const int code = decoder->err->msg_code;
  if (code != JWRN_JPEG_EOF && code != JWRN_HIT_MARKER && code != JWRN_HUFF_BAD_CODE) return;
  ErrorState& state = state_of(decoder);
  if (!state.damaged) decoder->err->format_message(decoder, state.message.data());
  state.damaged = true;
}

class Decoder {
 public:
  Decoder(std::span<const std::uint8_t> file, const std::string& where)
      : file_(file), where_(where) {
    state_.damaged = false;
    state_.message[0] = '\0';
    decoder_.err = jpeg_std_error(&state_.manager);
    state_.manager.error_exit = on_error;
    state_.manager.emit_message = on_message;
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&decoder_); }

  Image decode(int channels) {
    if (!step([](Decoder& d) { d.read_header(); })) fail();
    Image image{decoder_.image_height, decoder_.image_width, channels, {}};
    if (image.height * image.width > kMostPixels)
      throw FileError(fmt::format("{}: cannot be decoded as an image ({} x {} pixels are too many)",
                                  where_, image.width, image.height));
    const bool inks =
        decoder_.jpeg_color_space == JCS_CMYK || decoder_.jpeg_color_space == JCS_YCCK;
    stored_ = inks ? 4 : channels;
    decoder_.out_color_space = inks ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    pixels_.resize(std::size_t(image.height * image.width * stored_));
    if (!step([](Decoder& d) { d.read_rows(); }) || state_.damaged) fail();
    image.pixels = inks ? from_inks(channels) : std::move(pixels_);
    return image;
  }

 private:
  // Runs f, which may end in on_error; false then. Neither it nor f holds anything that would have
  // to be destroyed.
  bool step(void (*f)(Decoder&)) {
    if (setjmp(state_.back) != 0) return false;
    f(*this);
    return true;
  }
  void read_header() {
    jpeg_create_decompress(&decoder_);
    jpeg_mem_src(&decoder_, file_.data(), static_cast<unsigned long>(file_.size()));
    jpeg_read_header(&decoder_, TRUE);
  }
  void read_rows() {
    jpeg_start_decompress(&decoder_);
    const std::size_t row_bytes = std::size_t(decoder_.output_width) * std::size_t(stored_);
    while (decoder_.output_scanline < decoder_.output_height) {
      JSAMPROW row = pixels_.data() + decoder_.output_scanline * row_bytes;
      jpeg_read_scanlines(&decoder_, &row, 1);
    }
    jpeg_finish_decompress(&decoder_);
  }
  // 255 - ink, darkened by black: Pillow's conversion, with its rounding.
  std::vector<std::uint8_t> from_inks(int channels) const {
    std::vector<std::uint8_t> result;
    result.reserve(pixels_.size() / 4 * std::size_t(channels));
    for (std::size_t i = 0; i < pixels_.size(); i += 4) {
      const int light = pixels_[i + 3];
      std::array<int, 3> rgb{};
      for (std::size_t c = 0; c < 3; ++c) {
        const int product = (255 - pixels_[i + c]) * light + 128;
        rgb[c] = std::max(0, light - ((product + (product >> 8)) >> 8));
      }
      if (channels == 3)
        for (const int value : rgb) result.push_back(std::uint8_t(value));
      else  // ITU-R 601, as Pillow's convert("L")
        result.push_back(
            std::uint8_t((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16));
    }
    return result;
  }
  [[noreturn]] void fail() const {
    throw FileError(
        fmt::format("{}: cannot be decoded as an image ({})", where_, state_.message.data()));
  }

  std::span<const std::uint8_t> file_;
  const std::string& where_;
  jpeg_decompress_struct decoder_{};
  ErrorState state_;
  std::vector<std::uint8_t> pixels_;
  int stored_ = 0;
};

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> file, int channels, const std::string& where) {
  require(channels == 1 || channels == 3, "decode_jpeg: {} channels, expected 1 or 3", channels);
  return Decoder(file, where).decode(channels);
}

}  // namespace hush::data
