#include "core/ops/elementwise.h"

#include "core/backend.h"
#include "core/ops/checks.h"

namespace hush {

std::string_view Map::name() const {
  switch (f_) {
    case Unary::relu:
      return "relu";
    case Unary::silu:
      return "silu";
    case Unary::sigmoid:
      return "sigmoid";
    case Unary::square:
      return "square";
    case Unary::negate:
      return "negate";
  }
  return "map";
}

Algebra Map::algebra() const {
  if (f_ == Unary::square) return Algebra::bilinear;
  return f_ == Unary::negate ? Algebra::linear : Algebra::nonlinear;
}

Shape Map::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 1);
  return inputs[0];
}

OpCount Map::count(std::span<const Shape> inputs, std::span<const Tensor>) const {
  return {.relus = f_ == Unary::relu ? output_shape(inputs).elements() : 0};
}

Keep Map::keep() const {
  switch (f_) {
    case Unary::relu:
    case Unary::sigmoid:
      return {.output = true};
    case Unary::silu:
    case Unary::square:
      return {.inputs = 0b1};
    case Unary::negate:
      break;
  }
  return {};
}

Tensor Map::forward(const PassContext&, std::span<const Tensor> inputs,
                    std::vector<Tensor>&) const {
  check_count(name(), shapes_of(inputs), 1);
  Tensor y = reuse(inputs[0]);
  backend(y.device()).map(f_, inputs[0], y);
  return y;
}

std::vector<Tensor> Map::backward(const PassContext&, const BackwardArguments& arguments) const {
  if (!arguments.wanted[0]) return {Tensor()};
  const Tensor& dy = arguments.grad_output;
  Tensor dx = reuse(dy);
  backend(dy.device()).map_backward(f_, arguments.inputs[0], arguments.output, dy, dx);
  return {dx};
}

namespace {

Shape same_shape(std::string_view op, std::span<const Shape> inputs) {
  check_count(op, inputs, 2);
  require(inputs[0] == inputs[1], "{}: shapes {} and {} differ", op, inputs[0].text(),
          inputs[1].text());
  return inputs[0];
}

Tensor zip(std::string_view op, Binary f, std::span<const Tensor> inputs) {
  same_shape(op, shapes_of(inputs));
  Tensor y = inputs[0].unique() ? inputs[0] : reuse(inputs[1]);
  backend(y.device()).zip(f, inputs[0], inputs[1], y);
  return y;
}

}  // namespace

Shape Add::output_shape(std::span<const Shape> inputs) const {
  return same_shape(name(), inputs);
}

Tensor Add::forward(const PassContext&, std::span<const Tensor> inputs,
                    std::vector<Tensor>&) const {
  return zip(name(), Binary::add, inputs);
}

std::vector<Tensor> Add::backward(const PassContext&, const BackwardArguments& arguments) const {
  return {arguments.wanted[0] ? arguments.grad_output : Tensor(),
          arguments.wanted[1] ? arguments.grad_output : Tensor()};
}

Shape Multiply::output_shape(std::span<const Shape> inputs) const {
  return same_shape(name(), inputs);
}

Tensor Multiply::forward(const PassContext&, std::span<const Tensor> inputs,
                         std::vector<Tensor>&) const {
  return zip(name(), Binary::multiply, inputs);
}

std::vector<Tensor> Multiply::backward(const PassContext&,
                                       const BackwardArguments& arguments) const {
  const Tensor& dy = arguments.grad_output;
  std::vector<Tensor> gradients(2);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!arguments.wanted[i]) continue;
    gradients[i] = Tensor::empty(dy.shape(), dy.dtype(), dy.device());
    backend(dy.device()).zip(Binary::multiply, dy, arguments.inputs[1 - i], gradients[i]);
  }
  return gradients;
}

}  // namespace hush
