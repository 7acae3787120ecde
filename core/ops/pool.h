// Pooling and ResNet's parameter-free shortcut.
#pragma once

#include "core/kernel_options.h"
#include "core/op.h"

namespace hush {

// Max or average pooling of [N, H, W, C]. Kernel 0 pools the whole image and gives [N, C].
class Pool final : public Op {
 public:
  explicit Pool(PoolOptions options) : options_(options) {}
  const PoolOptions& options() const { return options_; }

  std::string_view name() const override;  // "max_pool", "average_pool"
  Algebra algebra() const override {
    return options_.kind == PoolKind::max ? Algebra::nonlinear : Algebra::linear;
  }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  PoolOptions options_;
};

// Every stride-th pixel, channels padded with zeros on both sides to `channels` (He et al. 2016,
// shortcut option A).
class SubsamplePad final : public Op {
 public:
  SubsamplePad(int stride, int before, int channels)
      : stride_(stride), before_(before), channels_(channels) {}

  std::string_view name() const override { return "subsample_pad"; }
  Algebra algebra() const override { return Algebra::linear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  int stride_, before_, channels_;
};

}  // namespace hush
