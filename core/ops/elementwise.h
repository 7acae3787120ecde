// Elementwise ops: activations, sum, product.
#pragma once

#include "core/kernel_options.h"
#include "core/op.h"

namespace hush {

// y = f(x). ReLU, SiLU and sigmoid are nonlinear, square is bilinear (x times x), negate linear.
class Map final : public Op {
 public:
  explicit Map(Unary f) : f_(f) {}
  Unary function() const { return f_; }

  std::string_view name() const override;  // "relu", "silu", "sigmoid", "square", "negate"
  Algebra algebra() const override;
  Shape output_shape(std::span<const Shape> inputs) const override;
  OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override;
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;

 private:
  Unary f_;
};

// y = a + b, same shapes.
class Add final : public Op {
 public:
  std::string_view name() const override { return "add"; }
  Algebra algebra() const override { return Algebra::linear; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;
};

// y = a · b elementwise, same shapes.
class Multiply final : public Op {
 public:
  std::string_view name() const override { return "multiply"; }
  Algebra algebra() const override { return Algebra::bilinear; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                 std::vector<Tensor>& saved) const override;
  Keep keep() const override { return {.inputs = 0b11}; }
  std::vector<Tensor> backward(const PassContext& context,
                               const BackwardArguments& arguments) const override;
};

}  // namespace hush
