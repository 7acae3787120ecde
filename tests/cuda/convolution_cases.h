// Convolutions that between them take every path of the kernels.
#pragma once

#include "device_under_test.h"

namespace hush::cuda {

struct ConvCase {
  const char* name;
  std::int64_t images, height, width, channels, out_channels, kernel_height, kernel_width;
  ConvOptions options;

  Shape x() const { return {images, height, width, channels}; }
  Shape w() const { return {kernel_height, kernel_width, channels / options.groups, out_channels}; }
  Shape y() const {
    return {images, options.output(height, kernel_height), options.output(width, kernel_width),
            out_channels};
  }
};

inline constexpr ConvCase kConvCases[] = {
    {"no whole packs", 2, 5, 6, 3, 5, 3, 3, {1, 1, 1}},
    {"whole packs", 1, 6, 5, 8, 12, 3, 3, {2, 1, 1}},
    {"wide tiles", 2, 5, 5, 16, 68, 1, 1, {2, 0, 1}},
    {"several tiles of pixels", 3, 14, 14, 4, 4, 3, 3, {1, 1, 1}},
    {"a flat kernel, much padding", 1, 7, 5, 2, 3, 1, 5, {1, 2, 1}},
    {"stride 3 leaves pixels out", 1, 9, 8, 2, 2, 2, 2, {3, 0, 1}},
    {"stride 2 and an odd kernel", 1, 5, 8, 4, 8, 3, 2, {2, 1, 1}},
    {"pixels without taps", 2, 6, 7, 8, 4, 1, 1, {2, 0, 1}},
    {"an image smaller than the stride", 1, 1, 5, 4, 4, 1, 3, {4, 1, 1}},
    {"two groups, stride 2", 1, 5, 6, 8, 8, 3, 3, {2, 1, 2}},
    {"a gradient of several parts", 1, 4, 5, 4, 160, 3, 3, {2, 1, 1}},
    {"two groups", 2, 5, 5, 6, 4, 3, 3, {1, 1, 2}},
    {"two groups of whole packs", 1, 4, 4, 16, 8, 3, 3, {1, 1, 2}},
    {"packs of eight", 2, 5, 6, 8, 16, 3, 3, {1, 1, 1}},
    {"packs of eight, two groups, stride 2", 1, 7, 6, 16, 32, 3, 3, {2, 1, 2}},
    {"packs of eight, middling tiles", 1, 13, 11, 16, 48, 3, 1, {1, 1, 1}},
    {"packs of eight, wide tiles, pixels without taps", 1, 6, 7, 72, 136, 1, 1, {2, 0, 1}},
    {"depthwise", 2, 5, 6, 7, 7, 3, 3, {2, 1, 7}},
    {"depthwise, a warp of channels", 1, 6, 7, 32, 32, 5, 5, {1, 2, 32}},
};

}  // namespace hush::cuda
