// Pooling of the CUDA backend.
#include "cuda/kernels/pool.cuh"

#include "cuda/arguments.h"
#include "cuda/backend.h"

namespace hush::cuda {
namespace {

// The shape for an image tensor x and a pooled tensor y, checked.
PoolShape pool_shape(const Arguments& check, std::string_view kernel, const PoolOptions& options,
                     const Tensor& x, const Tensor& y) {
  check.rank("the image", x, 4);
  const Shape& in = x.shape();
  check.extent("the number of elements", x.elements());
  const bool whole = options.kernel == 0;
  const std::int64_t kernel_height = whole ? in[1] : options.kernel;
  const std::int64_t kernel_width = whole ? in[2] : options.kernel;
  const int stride = whole ? 1 : options.stride, padding = whole ? 0 : options.padding;
  require(kernel_height > 0 && kernel_width > 0 && stride > 0 && padding >= 0 &&
              2 * padding <= kernel_height,
          "{}: kernel {}, stride {}, padding {} for {}: padding may be half the kernel at most",
          kernel, options.kernel, stride, padding, in.text());
  const std::int64_t rows = in[1] + 2 * padding - kernel_height;
  const std::int64_t columns = in[2] + 2 * padding - kernel_width;
  require(rows >= 0 && columns >= 0, "{}: kernel {} is larger than the padded image {}", kernel,
          options.kernel, in.text());
  const std::int64_t height = rows / stride + 1, width = columns / stride + 1;
  const Shape wanted = whole ? Shape{in[0], in[3]} : Shape{in[0], height, width, in[3]};
  check.tensor("the pooled tensor", y, wanted, x.dtype());
  check.extent("the number of pooled elements", y.elements());
  return {int(in[0]), int(in[1]),         int(in[2]),        int(in[3]), int(height),
          int(width), int(kernel_height), int(kernel_width), stride,     padding};
}

}  // namespace

void CudaBackend::pool(const PoolOptions& options, const Tensor& x, const Tensor& y,
                       const Tensor& argmax) {
  const Arguments check("pool", device_);
  const PoolShape s = pool_shape(check, "pool", options, x, y);
  if (options.kind == PoolKind::max) {
    check.floats("x", x, x.shape());
    check.optional("argmax", argmax, y.shape(), DType::int32);
    if (y.elements() == 0) return;
    return for_each_element<1>(
        queue(), y.elements(),
        MaxPoolBody{s, s.output_index(), x.device_data<float>(), y.device_data<float>(),
                    argmax.defined() ? argmax.device_data<std::int32_t>() : nullptr});
  }
  if (y.elements() == 0) return;
  with_arithmetic_type(x.dtype(), "pool", [&](auto zero) {
    using T = decltype(zero);
    for_each_element<1>(
        queue(), y.elements(),
        AveragePoolBody<T>{s, s.output_index(), x.device_data<T>(), y.device_data<T>()});
  });
}

void CudaBackend::pool_backward(const PoolOptions& options, const Tensor& dy, const Tensor& argmax,
                                const Tensor& dx) {
  const Arguments check("pool_backward", device_);
  const PoolShape s = pool_shape(check, "pool_backward", options, dx, dy);
  check.floats("dx", dx, dx.shape());
  const bool max = options.kind == PoolKind::max;
  if (max) check.tensor("argmax", argmax, dy.shape(), DType::int32);
  if (dx.elements() == 0) return;
  for_each_element<1>(queue(), dx.elements(),
                      PoolGradientBody{s, s.input_index(), dy.device_data<float>(),
                                       max ? argmax.device_data<std::int32_t>() : nullptr,
                                       dx.device_data<float>()});
}

}  // namespace hush::cuda
