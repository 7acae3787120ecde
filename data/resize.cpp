// Antialiased bilinear resizing; declared in image.h.
//
// The trick: the filter is separable, so an image is resized along its rows and then along its
// columns, and the weights of one output position serve a whole row or column. Weights are
// 22-bit fixed point, which keeps the result the same on every machine.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/image.h"

namespace hush::data {
namespace {

constexpr int kFractionBits = 22;  // 255 * 2^22 still fits in 32 bits

// The source positions that one output position is made of.
struct Taps {
  std::int64_t first;
  std::vector<std::int32_t> weights;  // fixed point; they add up to one
};

std::vector<Taps> make_windows(std::int64_t source, std::int64_t target) {
  const double scale = double(source) / double(target);
  const double support = std::max(scale, 1.0);  // half the width of the triangle
  std::vector<Taps> windows;
  for (std::int64_t position = 0; position < target; ++position) {
    const double centre = (double(position) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(std::llround(centre - support), 0);
    const auto end = std::min<std::int64_t>(std::llround(centre + support), source);
    std::vector<double> exact;
    double sum = 0;
    for (std::int64_t i = first; i < end; ++i) {
      exact.push_back(std::max(0.0, 1 - std::abs(double(i) + 0.5 - centre) / support));
      sum += exact.back();
    }
    Taps window{first, {}};
    for (double weight : exact)
      window.weights.push_back(std::int32_t(std::lround(weight / sum * (1 << kFractionBits))));
    windows.push_back(std::move(window));
  }
  return windows;
}

// Resizes the middle axis of [outer, source, inner] pixels.
std::vector<std::uint8_t> resize_axis(const std::vector<std::uint8_t>& pixels, std::int64_t outer,
                                      std::int64_t source, std::int64_t inner,
                                      std::int64_t target) {
  if (source == target) return pixels;
  const std::vector<Taps> windows = make_windows(source, target);
  std::vector<std::uint8_t> result(std::size_t(outer * target * inner));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(inner));
  std::uint8_t* out = result.data();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const Taps& window : windows) {
      std::fill(sums.begin(), sums.end(), 1 << (kFractionBits - 1));  // so the shift rounds
      const std::uint8_t* in = pixels.data() + (o * source + window.first) * inner;
      for (std::int32_t weight : window.weights)
        for (std::int32_t& sum : sums) sum += weight * *in++;
      for (std::int32_t sum : sums) *out++ = std::uint8_t(std::clamp(sum >> kFractionBits, 0, 255));
    }
  }
  return result;
}

}  // namespace

Image resize(const Image& image, std::int64_t height, std::int64_t width) {
  require(image.height >= 1 && image.width >= 1 && height >= 1 && width >= 1,
          "resize: cannot make {} x {} from {} x {}", height, width, image.height, image.width);
  const auto wide = resize_axis(image.pixels, image.height, image.width, image.channels, width);
  return {height, width, image.channels,
          resize_axis(wide, 1, image.height, width * image.channels, height)};
}

}  // namespace hush::data
