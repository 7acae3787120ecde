// The extents of a convolution.
#pragma once

namespace hush::cuda {

struct ConvShape {
  int images, height, width, channels;  // of x
  int out_height, out_width, out_channels;
  int kernel_height, kernel_width;
  int stride, padding, groups;

  int group_channels() const { return channels / groups; }
  int group_out_channels() const { return out_channels / groups; }
  int taps() const { return kernel_height * kernel_width; }
  int in_pixels() const { return images * height * width; }
  int out_pixels() const { return images * out_height * out_width; }
};

}  // namespace hush::cuda
