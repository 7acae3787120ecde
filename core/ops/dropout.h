// Noise that regularises training and vanishes in inference: dropout and stochastic depth.
#pragma once

#include "core/op.h"

namespace hush {

// y = x · mask / (1 - rate) in training, x in inference; mask is 0 with probability `rate`, else 1.
//   element   one draw for each element (Srivastava et al., JMLR 15, 2014)
//   image     one draw for each image of the batch: stochastic depth of a residual branch (Huang et
//             al., ECCV 2016), as torchvision's StochasticDepth in mode "row"
// The draws are a function of the pass's seed and step, of `stream`, which sets apart the dropouts
// of one network, and of the place in the batch, so that a resumed run draws the same.
class Dropout final : public Op {
 public:
  enum class Unit : std::uint8_t { element, image };

  // 0 ≤ rate < 1.
  Dropout(Unit unit, float rate, std::uint32_t stream);
  Unit unit() const { return unit_; }
  float rate() const { return rate_; }

  std::string_view name() const override {
    return unit_ == Unit::element ? "dropout" : "stochastic_depth";
  }
  Algebra algebra() const override { return Algebra::linear; }
  std::string options_text() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {}; }
  bool is_random() const override { return rate_ > 0; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  Tensor mask(const PassContext& context, const Tensor& x) const;

  Unit unit_;
  float rate_;
  std::uint32_t stream_;
};

}  // namespace hush
