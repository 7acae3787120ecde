// Matrix products and convolutions of the CUDA backend.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "cuda/arguments.h"
#include "cuda/backend.h"
#include "cuda/backend/product_kernels.h"
#include "cuda/kernels/depthwise.cuh"

namespace hush::cuda {
namespace {

// Floats may have been rounded beforehand.
DType operand_type(const Tensor& t, DType dtype) {
  return dtype == DType::float32 && t.dtype() == DType::bfloat16 ? DType::bfloat16 : dtype;
}

// The shape of a convolution from its three tensors, checked; `dtype` is that of the output.
ConvShape conv_shape(const Arguments& check, std::string_view kernel, const ConvOptions& options,
                     const Tensor& x, const Tensor& w, const Tensor& y, DType dtype) {
  check.rank("x", x, 4).rank("w", w, 4).rank("y", y, 4);
  const Shape &in = x.shape(), &weight = w.shape(), &out = y.shape();
  require(options.stride > 0 && options.padding >= 0 && options.groups > 0 &&
              in[3] == weight[2] * options.groups && weight[3] % options.groups == 0,
          "{}: weights {} with stride {}, padding {} and {} groups do not fit {}", kernel,
          weight.text(), options.stride, options.padding, options.groups, in.text());
  require(in[1] + 2 * options.padding >= weight[0] && in[2] + 2 * options.padding >= weight[1] &&
              weight[0] > 0 && weight[1] > 0,
          "{}: weights {} are larger than the padded image {}", kernel, weight.text(), in.text());
  const Shape wanted{in[0], options.output(in[1], weight[0]), options.output(in[2], weight[1]),
                     weight[3]};
  check.tensor("x", x, in, operand_type(x, dtype)).tensor("y", y, wanted, operand_type(y, dtype));
  check.tensor("w", w, weight, dtype);
  check.extent("the number of input pixels", in[0] * in[1] * in[2]);
  check.extent("the number of output pixels", out[0] * out[1] * out[2]);
  check.extent("the number of weights", weight.elements());
  const ConvShape s{int(in[0]),     int(in[1]),     int(in[2]),      int(in[3]),
                    int(out[1]),    int(out[2]),    int(out[3]),     int(weight[0]),
                    int(weight[1]), options.stride, options.padding, options.groups};
  if (is_depthwise(s)) {
    check.extent("the number of input elements", x.elements());
    check.extent("the number of output elements", y.elements());
  }
  return s;
}

bool are_aligned(std::initializer_list<Tensor> tensors) {
  return std::ranges::all_of(tensors, [](const Tensor& t) { return is_aligned(t.raw()); });
}

// The elements of an optional tensor, or null.
template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.device_data<T>() : nullptr;
}

// Weights [KH, KW, C, K] in the order of the vendor's, [K, KH, KW, C].
Tensor empty_vendor_weights(const Tensor& w) {
  const Shape& s = w.shape();
  return Tensor::empty({s[3], s[0], s[1], s[2]}, w.dtype(), w.device());
}
Tensor vendor_weights(Backend& device, const Tensor& w) {
  const Tensor there = empty_vendor_weights(w);
  device.permute(std::array{3, 0, 1, 2}, w, there);
  return there;
}

// The time that the second of two calls takes on the device.
float milliseconds_of(const Queue& queue, const std::function<void()>& call) {
  const runtime::Event begin, end;
  call();
  runtime::record(begin.handle(), queue.stream);
  call();
  runtime::record(end.handle(), queue.stream);
  return runtime::milliseconds(begin.handle(), end.handle());
}

enum Pass { kGemm, kForward, kBackwardInput, kBackwardWeight };

}  // namespace

// Calls run(kernels) with those that the options, or a measurement, choose for an element type.
// `overwrites`: running twice gives what running once does.
template <class T, class Run>
void CudaBackend::run_product(const RingProductChoice::Shape& shape, bool overwrites,
                              const Run& run) {
  if constexpr (std::is_same_v<T, float>) {
    run(precision_ == Precision::bf16 ? kBf16 : precision_ == Precision::tf32 ? kTf32 : kSimtFloat);
  } else {
    const auto run_on = [&](RingProduct product) {
      run(product == RingProduct::limbs ? kLimbs : kSimtRing);
    };
    if (ring_product_ != RingProduct::automatic) return run_on(ring_product_);
    if (!overwrites || recording_ || !runtime::has_clock())
      return run_on(ring_choice_.known(shape));
    run_on(ring_choice_.choose(shape, [&](RingProduct product) {
      return milliseconds_of(queue(), [&] { run_on(product); });
    }));
  }
}

// x as bf16; it may be so already.
Tensor CudaBackend::rounded(const Tensor& x) {
  if (x.dtype() == DType::bfloat16) return x;
  const Tensor y = Tensor::empty(x.shape(), DType::bfloat16, device_);
  round_elements(queue(), x.device_data<float>(), y.device_data<Bf16>(), x.elements());
  return y;
}

// Whether a convolution with such an output multiplies whole packs of bf16.
bool CudaBackend::rounds_beforehand(const ConvShape& s, DType dtype) const {
  return precision_ == Precision::bf16 && dtype == DType::float32 && has_whole_packs<Bf16>(s);
}

Tensor CudaBackend::conv_operand(const ConvOptions& options, const Tensor& x, const Shape& w) {
  ConvShape s{};
  s.channels = int(w[2] * options.groups);
  s.out_channels = int(w[3]);
  s.groups = options.groups;
  const bool is_read_rounded =
      !vendor_convolution_ && rounds_beforehand(s, x.dtype()) && are_aligned({x});
  return is_read_rounded ? rounded(x) : x;
}

void CudaBackend::gemm(const GemmOptions& options, const Tensor& a, const Tensor& b,
                       const Tensor& c) {
  const Arguments check("gemm", device_);
  check.rank("a", a, 2).rank("b", b, 2).rank("c", c, 2);
  const std::int64_t m = a.shape()[options.transpose_a ? 1 : 0];
  const std::int64_t k = a.shape()[options.transpose_a ? 0 : 1];
  const std::int64_t n = b.shape()[options.transpose_b ? 0 : 1];
  const Shape b_shape = options.transpose_b ? Shape{n, k} : Shape{k, n};
  check.tensor("b", b, b_shape, a.dtype()).tensor("c", c, {m, n}, a.dtype());
  const int rows = check.extent("rows", m), columns = check.extent("columns", n);
  const int depth = check.extent("depth", k);
  if (vendor_gemm_ && a.dtype() == DType::float32)
    return vendor_gemm_->gemm(queue(), options, precision_, a.device_data<float>(),
                              b.device_data<float>(), c.device_data<float>(), rows, columns, depth);
  if (precision_ == Precision::bf16 && a.dtype() == DType::float32 &&
      has_whole_packs<Bf16>(options, rows, columns, depth) && are_aligned({a, b, c}))
    return kBf16Packs.gemm(queue(), options, rounded(a).device_data<Bf16>(),
                           rounded(b).device_data<Bf16>(), c.device_data<float>(), rows, columns,
                           depth);
  with_arithmetic_type(a.dtype(), "gemm", [&](auto zero) {
    using T = decltype(zero);
    run_product<T>({kGemm, m, n, k}, !options.accumulate, [&](const ProductKernels<T>& kernels) {
      kernels.gemm(queue(), options, a.device_data<T>(), b.device_data<T>(), c.device_data<T>(),
                   rows, columns, depth);
    });
  });
}

// The epilogue by kernels of our own.
void CudaBackend::vendor_conv2d(const ConvShape& s, const Tensor& x, const Tensor& w,
                                const ConvEpilogue& epilogue, const Tensor& y) {
  vendor_convolution_->forward(queue(), s, precision_, x.device_data<float>(),
                               vendor_weights(*this, w).device_data<float>(),
                               y.device_data<float>());
  if (epilogue.bias.defined()) scale_shift(y, {}, epilogue.bias, y);
  if (epilogue.residual.defined()) zip(Binary::add, y, epilogue.residual, y);
  if (epilogue.relu) map(Unary::relu, y, y);
}

void CudaBackend::conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
                         const ConvEpilogue& epilogue, const Tensor& y) {
  const Arguments check("conv2d", device_);
  const ConvShape s = conv_shape(check, "conv2d", options, x, w, y, y.dtype());
  check.optional("bias", epilogue.bias, {s.out_channels}, y.dtype());
  check.optional("residual", epilogue.residual, y.shape(), y.dtype());
  require(!epilogue.relu || y.dtype() == DType::float32, "conv2d: there is no ReLU over the ring");
  if (y.elements() == 0) return;
  if (vendor_convolution_ && x.dtype() == DType::float32)
    return vendor_conv2d(s, x, w, epilogue, y);
  if (rounds_beforehand(s, y.dtype()) && are_aligned({x, w, y, epilogue.bias, epilogue.residual}))
    return kBf16Packs.convolution(
        queue(), s, rounded(x).device_data<Bf16>(), rounded(w).device_data<Bf16>(),
        data_or_null<float>(epilogue.bias), data_or_null<float>(epilogue.residual), epilogue.relu,
        y.device_data<float>());
  with_arithmetic_type(y.dtype(), "conv2d", [&](auto zero) {
    using T = decltype(zero);
    const auto start = [&](const auto& kernel) {
      kernel(queue(), s, x.device_data<T>(), w.device_data<T>(), data_or_null<T>(epilogue.bias),
             data_or_null<T>(epilogue.residual), epilogue.relu, y.device_data<T>());
    };
    if (is_depthwise(s)) return start(depthwise<T>);
    run_product<T>({kForward, s.out_pixels(), s.out_channels, s.taps() * s.group_channels()}, true,
                   [&](const ProductKernels<T>& kernels) { start(kernels.convolution); });
  });
}

void CudaBackend::conv2d_backward_input(const ConvOptions& options, const Tensor& dy,
                                        const Tensor& w, const Tensor& dx) {
  const Arguments check("conv2d_backward_input", device_);
  const ConvShape s = conv_shape(check, "conv2d_backward_input", options, dx, w, dy, dx.dtype());
  if (dx.elements() == 0) return;
  if (dy.elements() == 0) return this->zero(dx);
  if (vendor_convolution_ && dy.dtype() == DType::float32)
    return vendor_convolution_->backward_input(queue(), s, precision_, dy.device_data<float>(),
                                               vendor_weights(*this, w).device_data<float>(),
                                               dx.device_data<float>());
  if (rounds_beforehand(s, dx.dtype()) && are_aligned({dy, w, dx}))
    return kBf16Packs.backward_input(queue(), s, rounded(dy).device_data<Bf16>(),
                                     rounded(w).device_data<Bf16>(), dx.device_data<float>());
  with_arithmetic_type(dx.dtype(), "conv2d_backward_input", [&](auto zero) {
    using T = decltype(zero);
    const auto start = [&](const auto& kernel) {
      kernel(queue(), s, dy.device_data<T>(), w.device_data<T>(), dx.device_data<T>());
    };
    if (is_depthwise(s)) return start(depthwise_backward_input<T>);
    run_product<T>({kBackwardInput, s.in_pixels(), s.channels, s.taps() * s.group_out_channels()},
                   true, [&](const ProductKernels<T>& kernels) { start(kernels.backward_input); });
  });
}

void CudaBackend::conv2d_backward_weight(const ConvOptions& options, const Tensor& x,
                                         const Tensor& dy, const Tensor& dw) {
  const Arguments check("conv2d_backward_weight", device_);
  const ConvShape s = conv_shape(check, "conv2d_backward_weight", options, x, dw, dy, dw.dtype());
  if (dw.elements() == 0) return;
  if (dy.elements() == 0) return this->zero(dw);
  if (vendor_convolution_ && dy.dtype() == DType::float32) {
    const Tensor there = empty_vendor_weights(dw);
    vendor_convolution_->backward_weight(queue(), s, precision_, x.device_data<float>(),
                                         dy.device_data<float>(), there.device_data<float>());
    return permute(std::array{1, 2, 3, 0}, there, dw);
  }
  if (rounds_beforehand(s, dw.dtype()) && are_aligned({x, dy, dw}))
    return kBf16Packs.backward_weight(queue(), s, rounded(x).device_data<Bf16>(),
                                      rounded(dy).device_data<Bf16>(), dw.device_data<float>());
  with_arithmetic_type(dw.dtype(), "conv2d_backward_weight", [&](auto zero) {
    using T = decltype(zero);
    const auto start = [&](const auto& kernel) {
      kernel(queue(), s, x.device_data<T>(), dy.device_data<T>(), dw.device_data<T>());
    };
    if (is_depthwise(s)) return start(depthwise_backward_weight<T>);
    run_product<T>({kBackwardWeight, s.taps() * s.group_channels(), s.out_channels, s.out_pixels()},
                   true, [&](const ProductKernels<T>& kernels) { start(kernels.backward_weight); });
  });
}

}  // namespace hush::cuda
