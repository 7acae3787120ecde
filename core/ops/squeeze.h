// What squeeze-excitation needs besides pooling and convolutions (Hu et al., "Squeeze-and-
// Excitation Networks", CVPR 2018): a vector as an image of one pixel, and a gate per channel.
#pragma once

#include "core/op.h"

namespace hush {

// x [N, C] as [N, 1, 1, C]: what global pooling left, for the 1×1 convolutions that follow. Shares
// memory.
class AsPixel final : public Op {
 public:
  std::string_view name() const override { return "as_pixel"; }
  Algebra algebra() const override { return Algebra::linear; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;
};

// y = x · gate: x [N, H, W, C], gate [N, 1, 1, C], the same for all pixels of a channel. Both are
// data, so on shares it is one product of shares, like Multiply.
class ChannelMultiply final : public Op {
 public:
  std::string_view name() const override { return "channel_multiply"; }
  Algebra algebra() const override { return Algebra::bilinear; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {.inputs = 0b11}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;
};

}  // namespace hush
