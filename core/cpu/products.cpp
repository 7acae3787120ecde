// Matrix products and convolutions of the CPU backend: shapes are checked and the algorithm is
// chosen here; the work is done in convolution.cpp, winograd.cpp and depthwise.cpp.
#include "core/cpu/check.h"
#include "core/cpu/convolution.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/depthwise.h"
#include "core/cpu/product_kernels.h"
#include "core/cpu/winograd.h"
#include "core/thread_pool.h"

namespace hush {
ConvGeometry check_convolution(std::string_view kernel, const ConvOptions& options, const Tensor& x,
                               const Tensor& w, const Tensor& y) {
  check_rank(kernel, "the image", x, 4);
  check_rank(kernel, "the weight", w, 4);
  const Shape &image = x.shape(), &weight = w.shape();
  require(options.stride >= 1 && options.padding >= 0 && options.groups >= 1,
          "{}: stride {}, padding {}, groups {} make no sense", kernel, options.stride,
          options.padding, options.groups);
  require(weight[0] >= 1 && weight[1] >= 1 && image[3] == weight[2] * options.groups &&
              weight[3] % options.groups == 0,
          "{}: image {}, weight {} and {} groups do not fit together; weights are "
          "[KH, KW, C / groups, K]",
          kernel, image.text(), weight.text(), options.groups);
  require(
      image[1] + 2 * options.padding >= weight[0] && image[2] + 2 * options.padding >= weight[1],
      "{}: the kernel of weight {} is larger than image {} with padding {}", kernel, weight.text(),
      image.text(), options.padding);
  const ConvGeometry g{.n = image[0],
                       .h = image[1],
                       .w = image[2],
                       .c = image[3],
                       .kh = weight[0],
                       .kw = weight[1],
                       .k = weight[3],
                       .oh = options.output(image[1], weight[0]),
                       .ow = options.output(image[2], weight[1]),
                       .stride = options.stride,
                       .padding = options.padding,
                       .groups = options.groups};
  check_tensor(kernel, "the weight", w, weight, x.dtype());
  check_tensor(kernel, "the result", y, {g.n, g.oh, g.ow, g.k}, x.dtype());
  return g;
}

namespace {

bool empty(const ConvGeometry& g) {
  return g.n * g.h * g.w * g.c == 0 || g.k == 0;
}

// Over the ring Winograd's convolution yields four times the result: only who asks for that gets
// it.
template <class T>
bool takes_winograd(const ConvGeometry& g) {
  return std::is_same_v<T, float> && winograd_pays(g);
}

// The rounding of the transforms decides on which side of zero a ReLU's input falls. With as few
// as 16 channels it was seen in the loss after ten training steps (1.5e-4 relative); from 32 on,
// and in both backward passes, it stays below 5e-6.
constexpr std::int64_t kWinogradForwardChannels = 32;

template <class T>
bool takes_winograd_forward(const ConvGeometry& g) {
  return takes_winograd<T>(g) && g.c >= kWinogradForwardChannels;
}

}  // namespace

std::string CpuBackend::description() const {
  const int threads = thread_count();
  return fmt::format("CPU, {}, {} {}", product_instruction_set(), threads,
                     threads == 1 ? "thread" : "threads");
}

void CpuBackend::gemm(const GemmOptions& options, const Tensor& a, const Tensor& b,
                      const Tensor& c) {
  check_rank("gemm", "A", a, 2);
  check_rank("gemm", "B", b, 2);
  const std::int64_t m = a.shape()[options.transpose_a ? 1 : 0];
  const std::int64_t k = a.shape()[options.transpose_a ? 0 : 1];
  const std::int64_t n = b.shape()[options.transpose_b ? 0 : 1];
  require(b.shape()[options.transpose_b ? 1 : 0] == k,
          "gemm: A {}{} and B {}{} have different inner extents", a.shape().text(),
          options.transpose_a ? " transposed" : "", b.shape().text(),
          options.transpose_b ? " transposed" : "");
  check_tensor("gemm", "B", b, b.shape(), a.dtype());
  check_tensor("gemm", "C", c, {m, n}, a.dtype());
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (!options.accumulate) zero(c);
    return;
  }
  with_arithmetic_type(a.dtype(), "gemm", [&](auto zero_value) {
    using T = decltype(zero_value);
    multiply<T>(options, std::size_t(m), std::size_t(n), std::size_t(k), a.data<T>(), b.data<T>(),
                c.data<T>());
  });
}

void CpuBackend::conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
                        const ConvEpilogue& epilogue, const Tensor& y) {
  const ConvGeometry g = check_convolution("conv2d", options, x, w, y);
  if (epilogue.bias.defined()) check_tensor("conv2d", "bias", epilogue.bias, {g.k}, x.dtype());
  if (epilogue.residual.defined())
    check_tensor("conv2d", "residual", epilogue.residual, y.shape(), x.dtype());
  require(!epilogue.relu || x.dtype() == DType::float32,
          "conv2d: a ReLU of {} is not arithmetic; only float32 has one", x.text());
  with_arithmetic_type(x.dtype(), "conv2d", [&](auto zero_value) {
    using T = decltype(zero_value);
    if (y.elements() == 0) return;
    const EpiloguePointers<T> pointers{
        .bias = epilogue.bias.defined() ? epilogue.bias.data<T>() : nullptr,
        .residual = epilogue.residual.defined() ? epilogue.residual.data<T>() : nullptr,
        .relu = epilogue.relu};
    if (is_depthwise(g)) {
      depthwise_convolve<T>(g, x.data<T>(), w.data<T>(), pointers, y.data<T>());
    } else if (takes_winograd_forward<T>(g)) {
      winograd_convolve<T>(g, x.data<T>(), w.data<T>(), pointers, y.data<T>());
    } else {
      convolve<T>(g, x.data<T>(), w.data<T>(), pointers, y.data<T>());
    }
  });
}

void CpuBackend::conv2d_backward_input(const ConvOptions& options, const Tensor& dy,
                                       const Tensor& w, const Tensor& dx) {
  const ConvGeometry g = check_convolution("conv2d_backward_input", options, dx, w, dy);
  with_arithmetic_type(dx.dtype(), "conv2d_backward_input", [&](auto zero_value) {
    using T = decltype(zero_value);
    if (empty(g)) return zero(dx);
    if (is_depthwise(g))
      return depthwise_backward_input<T>(g, dy.data<T>(), w.data<T>(), dx.data<T>());
    if constexpr (std::is_same_v<T, float>) {
      if (takes_winograd<T>(g))
        return winograd_backward_input(g, dy.data<T>(), w.data<T>(), dx.data<T>());
    }
    convolve_backward_input<T>(g, dy.data<T>(), w.data<T>(), dx.data<T>());
  });
}

void CpuBackend::conv2d_backward_weight(const ConvOptions& options, const Tensor& x,
                                        const Tensor& dy, const Tensor& dw) {
  const ConvGeometry g = check_convolution("conv2d_backward_weight", options, x, dw, dy);
  with_arithmetic_type(x.dtype(), "conv2d_backward_weight", [&](auto zero_value) {
    using T = decltype(zero_value);
    if (empty(g)) return zero(dw);
    if (is_depthwise(g))
      return depthwise_backward_weight<T>(g, x.data<T>(), dy.data<T>(), dw.data<T>());
    if constexpr (std::is_same_v<T, float>) {
      if (takes_winograd<T>(g))
        return winograd_backward_weight(g, x.data<T>(), dy.data<T>(), dw.data<T>());
    }
    convolve_backward_weight<T>(g, x.data<T>(), dy.data<T>(), dw.data<T>());
  });
}

}  // namespace hush
