// Elementwise kernels of the CUDA backend.
#include "cuda/arguments.h"
#include "cuda/backend.h"
#include "cuda/kernels/map.cuh"
// After launch.h, which says what a device function is.
#include "core/scalar.h"

namespace hush::cuda {
namespace {

// Calls f with the function object that `function` names; `arithmetic` are those of the ring.
template <class F>
void with_arithmetic_function(Unary function, F f) {
  require(function == Unary::square || function == Unary::negate,
          "map: only square and negate exist over the ring");
  return function == Unary::square ? f(scalar::Square{}) : f(scalar::Negate{});
}

template <class F>
void with_function(Unary function, F f) {
  switch (function) {
    case Unary::relu:
      return f(scalar::Relu{});
    case Unary::silu:
      return f(scalar::Silu{});
    case Unary::sigmoid:
      return f(scalar::Sigmoid{});
    case Unary::square:
    case Unary::negate:
      return with_arithmetic_function(function, f);
  }
}

template <class F>
void with_function(Binary function, F f) {
  switch (function) {
    case Binary::add:
      return f(scalar::Sum{});
    case Binary::subtract:
      return f(scalar::Difference{});
    case Binary::multiply:
      return f(scalar::Product{});
  }
}

// Calls f with the gradient of `function` in its argument and dy.
template <class F>
void with_gradient(Unary function, F f) {
  switch (function) {
    case Unary::relu:
      return f(scalar::ReluBackward{});
    case Unary::silu:
      return f(scalar::SiluBackward{});
    case Unary::sigmoid:
      return f(scalar::SigmoidBackward{});
    case Unary::square:
      return f(scalar::SquareBackward{});
    case Unary::negate:
      break;
  }
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.device_data<T>() : nullptr;
}

}  // namespace

void CudaBackend::map(Unary f, const Tensor& x, const Tensor& y) {
  const Arguments check("map", device_);
  check.tensor("x", x, x.shape(), x.dtype()).tensor("y", y, x.shape(), x.dtype());
  with_arithmetic_type(x.dtype(), "map", [&](auto zero) {
    using T = decltype(zero);
    const auto run = [&](auto function) {
      cuda::map(queue(), function, x.device_data<T>(), y.device_data<T>(), x.elements());
    };
    if constexpr (std::is_same_v<T, float>)
      with_function(f, run);
    else
      with_arithmetic_function(f, run);
  });
}

void CudaBackend::map_backward(Unary f, const Tensor& x, const Tensor& y, const Tensor& dy,
                               const Tensor& dx) {
  const Arguments check("map_backward", device_);
  check.floats("dy", dy, dy.shape()).floats("dx", dx, dy.shape());
  if (f == Unary::negate) return map(f, dy, dx);
  const Tensor& argument = f == Unary::relu || f == Unary::sigmoid ? y : x;
  check.floats(f == Unary::relu || f == Unary::sigmoid ? "y" : "x", argument, dy.shape());
  with_gradient(f, [&](auto function) {
    cuda::zip(queue(), function, argument.device_data<float>(), dy.device_data<float>(),
              dx.device_data<float>(), dy.elements());
  });
}

void CudaBackend::zip(Binary f, const Tensor& a, const Tensor& b, const Tensor& c) {
  const Arguments check("zip", device_);
  check.tensor("a", a, a.shape(), a.dtype()).tensor("b", b, a.shape(), a.dtype());
  check.tensor("c", c, a.shape(), a.dtype());
  with_arithmetic_type(a.dtype(), "zip", [&](auto zero) {
    using T = decltype(zero);
    with_function(f, [&](auto function) {
      cuda::zip(queue(), function, a.device_data<T>(), b.device_data<T>(), c.device_data<T>(),
                a.elements());
    });
  });
}

void CudaBackend::axpby(float alpha, const Tensor& x, float beta, const Tensor& y) {
  const Arguments check("axpby", device_);
  check.floats("x", x, x.shape()).floats("y", y, x.shape());
  cuda::axpby(queue(), alpha, x.device_data<float>(), beta, y.device_data<float>(), x.elements());
}

void CudaBackend::scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift,
                              const Tensor& y) {
  const Arguments check("scale_shift", device_);
  const std::int64_t channels = check.channels("x", x);
  check.tensor("y", y, x.shape(), x.dtype());
  check.optional("scale", scale, {channels}, x.dtype());
  check.optional("shift", shift, {channels}, x.dtype());
  const int n = check.extent("the number of elements", x.elements());
  if (n == 0) return;
  with_arithmetic_type(x.dtype(), "scale_shift", [&](auto zero) {
    using T = decltype(zero);
    cuda::scale_shift(queue(), x.device_data<T>(), data_or_null<T>(scale), data_or_null<T>(shift),
                      y.device_data<T>(), n, int(channels));
  });
}

void CudaBackend::channel_multiply(const Tensor& x, const Tensor& gate, const Tensor& y) {
  const Arguments check("channel_multiply", device_);
  check.rank("x", x, 4);
  const Shape& shape = x.shape();
  check.tensor("gate", gate, {shape[0], shape[3]}, x.dtype());
  check.tensor("y", y, shape, x.dtype());
  const int n = check.extent("the number of elements", x.elements());
  if (n == 0) return;
  with_arithmetic_type(x.dtype(), "channel_multiply", [&](auto zero) {
    using T = decltype(zero);
    cuda::channel_multiply(queue(), x.device_data<T>(), gate.device_data<T>(), y.device_data<T>(),
                           n, int(shape[1] * shape[2]), int(shape[3]));
  });
}

}  // namespace hush::cuda
