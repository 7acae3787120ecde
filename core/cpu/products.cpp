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

ConvGeometry convolution_geometry(std::string_view kernel, const ConvOptions& options,
                                  const Shape& image, const Shape& weight) {
  require(image.rank() == 4 && weight.rank() == 4,
          "{}: image {} and weight {} must have four extents each", kernel, image.text(),
          weight.text());
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
  return {.n = image[0],
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
}

ConvGeometry check_convolution(std::string_view kernel, const ConvOptions& options, const Tensor& x,
                               const Tensor& w, const Tensor& y) {
  check_rank(kernel, "the image", x, 4);
  check_rank(kernel, "the weight", w, 4);
  const ConvGeometry g = convolution_geometry(kernel, options, x.shape(), w.shape());
  check_tensor(kernel, "the weight", w, w.shape(), x.dtype());
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
bool takes_winograd(const ConvGeometry& g, bool weights_at_hand = false) {
  return std::is_same_v<T, float> && winograd_pays(g, weights_at_hand);
}

// The rounding of the transforms decides on which side of zero a ReLU's input falls. With as few
// as 16 channels it was seen in the loss after ten training steps (1.5e-4 relative); from 32 on,
// and in both backward passes, it stays below 5e-6.
constexpr std::int64_t kWinogradForwardChannels = 32;

template <class T>
bool takes_winograd_forward(const ConvGeometry& g, bool weights_at_hand = false) {
  return takes_winograd<T>(g, weights_at_hand) && g.c >= kWinogradForwardChannels;
}

template <class T>
EpiloguePointers<T> check_epilogue(const ConvGeometry& g, const ConvEpilogue& epilogue,
                                   const Tensor& y) {
  if (epilogue.bias.defined()) check_tensor("conv2d", "bias", epilogue.bias, {g.k}, y.dtype());
  if (epilogue.residual.defined())
    check_tensor("conv2d", "residual", epilogue.residual, y.shape(), y.dtype());
  require((!epilogue.relu || std::is_same_v<T, float>),
          "conv2d: a ReLU of {} is not arithmetic; only float32 has one", y.text());
  return {.bias = epilogue.bias.defined() ? epilogue.bias.data<T>() : nullptr,
          .residual = epilogue.residual.defined() ? epilogue.residual.data<T>() : nullptr,
          .relu = epilogue.relu};
}

// Weights in panels or in Winograd's planes, whichever suits images of one shape.
template <class T>
class CpuFixedConvolution final : public FixedConvolution {
 public:
  CpuFixedConvolution(const ConvOptions& options, const ConvGeometry& g, const Tensor& w)
      : options_(options), g_(g), weights_(w) {
    // Always copied, however few points share them: the copy is read in one stream.
    constexpr auto many_points = std::size_t(-1);
    if (is_depthwise(g)) return;
    if (takes_winograd_forward<T>(g, true)) {
      planes_ = winograd_weights(g, w.data<T>());
    } else {
      panels_ = weight_panels(g, w.data<T>(), many_points);
    }
  }

  void run(const Tensor& x, const ConvEpilogue& epilogue, const Tensor& y) override {
    check_convolution("conv2d", options_, x, weights_, y);
    check_tensor("conv2d", "the image", x, {g_.n, g_.h, g_.w, g_.c}, weights_.dtype());
    const EpiloguePointers<T> pointers = check_epilogue<T>(g_, epilogue, y);
    if (y.elements() == 0) return;
    if (is_depthwise(g_)) {
      depthwise_convolve<T>(g_, x.data<T>(), weights_.data<T>(), pointers, y.data<T>());
    } else if (planes_.defined()) {
      winograd_convolve(g_, x.data<T>(), planes_, pointers, y.data<T>());
    } else {
      convolve(g_, x.data<T>(), panels_, pointers, y.data<T>());
    }
  }

 private:
  ConvOptions options_;
  ConvGeometry g_;
  Tensor weights_;
  Tensor planes_;
  std::vector<PanelMatrix<T>> panels_;
};

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
  with_arithmetic_type(x.dtype(), "conv2d", [&](auto zero_value) {
    using T = decltype(zero_value);
    const EpiloguePointers<T> pointers = check_epilogue<T>(g, epilogue, y);
    if (y.elements() == 0) return;
    if (is_depthwise(g)) {
      depthwise_convolve<T>(g, x.data<T>(), w.data<T>(), pointers, y.data<T>());
    } else if (takes_winograd_forward<T>(g)) {
      winograd_convolve<T>(g, x.data<T>(), w.data<T>(), pointers, y.data<T>());
    } else {
      const auto points = std::size_t(g.n * g.oh * g.ow);
      convolve(g, x.data<T>(), weight_panels(g, w.data<T>(), points), pointers, y.data<T>());
    }
  });
}

std::unique_ptr<FixedConvolution> CpuBackend::fix_weights(const ConvOptions& options,
                                                          const Shape& x, const Tensor& w) {
  const ConvGeometry g = convolution_geometry("fix_weights", options, x, w.shape());
  check_tensor("fix_weights", "the weight", w, w.shape(), w.dtype());
  std::unique_ptr<FixedConvolution> fixed;
  with_arithmetic_type(w.dtype(), "fix_weights", [&](auto zero_value) {
    fixed = std::make_unique<CpuFixedConvolution<decltype(zero_value)>>(options, g, w);
  });
  return fixed;
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
