// Two-dimensional convolution and the linear layer: the bilinear ops with weights.
#pragma once

#include <memory>
#include <mutex>

#include "core/backend.h"
#include "core/kernel_options.h"
#include "core/op.h"

namespace hush {

// y = x ⊛ w (+ bias) (+ residual) (then ReLU). Inputs: x [N, H, W, C], w [KH, KW, C/groups, K],
// then bias [K] and residual [N, OH, OW, K] if present. The last two and the ReLU are what
// folding batch norm for inference makes (core/passes.h); training has the bias at most.
class Conv2d final : public Op {
 public:
  struct Extras {
    bool bias = false;
    bool residual = false;
    bool relu = false;
    // The weight is never written to again: the device may keep it in an order of its own.
    bool fixed_weight = false;
  };
  explicit Conv2d(ConvOptions options) : options_(options) {}
  Conv2d(ConvOptions options, Extras extras) : options_(options), extras_(extras) {}

  const ConvOptions& options() const { return options_; }
  const Extras& extras() const { return extras_; }

  std::string_view name() const override { return "conv2d"; }
  Algebra algebra() const override { return Algebra::bilinear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  // The image is saved as the device reads it.
  Keep keep() const override { return {.inputs = 0b10}; }
  // Throws ArgumentError with residual, relu or fixed weights: those graphs are for inference.
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  // The convolution with the weight kept: made at the first call, and again if another image shape
  // (or another graph's weight) comes.
  std::shared_ptr<FixedConvolution> fixed(const Shape& x, const Tensor& w) const;

  ConvOptions options_;
  Extras extras_;

  struct Fixed {
    std::mutex mutex;
    Shape x;
    Tensor w;
    std::shared_ptr<FixedConvolution> convolution;
  };
  std::unique_ptr<Fixed> fixed_ = std::make_unique<Fixed>();
};

// y = x w (+ bias): x [N, in], w [in, out], bias [out].
class Linear final : public Op {
 public:
  explicit Linear(bool bias) : bias_(bias) {}
  bool bias() const { return bias_; }

  std::string_view name() const override { return "linear"; }
  Algebra algebra() const override { return Algebra::bilinear; }
  std::string options_text() const override { return bias_ ? "bias" : ""; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {.inputs = 0b11}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  bool bias_;
};

}  // namespace hush
