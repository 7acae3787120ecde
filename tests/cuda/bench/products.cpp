// Matrix products and convolutions, on every kind of unit, and beside NVIDIA's libraries.
#include "products.h"

#include <string>

#include "bench_table.h"
#include "cuda/error.h"
#include "cuda/register.h"

namespace hush::cuda {
namespace {

struct Layer {
  const char* name;
  std::int64_t extent, channels, out_channels, kernel;
  ConvOptions options;
};

// A kind of product: what runs it, and how the device is told.
struct Kind {
  Unit unit;
  DType dtype;
  Precision precision;
  RingProduct ring;
};

constexpr Kind kKinds[] = {
    {Unit::float32, DType::float32, Precision::float32, RingProduct::simt},
    {Unit::tf32, DType::float32, Precision::tf32, RingProduct::simt},
    {Unit::bf16, DType::float32, Precision::bf16, RingProduct::simt},
    {Unit::ring64, DType::ring64, Precision::float32, RingProduct::simt},
    {Unit::ring64_bytes, DType::ring64, Precision::float32, RingProduct::limbs},
};

void select(const Kind& kind) {
  device().set_precision(kind.precision);
  device().set_ring_product(kind.ring);
}

// Back to our own kernels at the end.
struct VendorTurn {
  VendorTurn() = default;
  VendorTurn(const VendorTurn&) = delete;
  VendorTurn& operator=(const VendorTurn&) = delete;
  ~VendorTurn() {
    device().set_vendor(std::unique_ptr<VendorGemm>());
    device().set_vendor(std::unique_ptr<VendorConvolution>());
  }
};

// `use` is use_cublas or use_cudnn.
void versus(const Table& table, const char* library, void (*use)(int), const Kind& kind,
            double ours, const std::function<void()>& call) {
  if (kind.dtype != DType::float32) return;  // they have no such product
  const VendorTurn turn;
  bool ready = false;
  table.versus(library, ours, [&] {
    if (!ready) use(kDevice.index);
    ready = true;
    call();
  });
}

void bench_gemm(const Table& table, const Kind& kind, bool with_versus) {
  for (const std::int64_t full : {1024, 4096}) {
    const std::int64_t n = scaled(full, 64);
    const Tensor a = drawn({n, n}, kind.dtype), b = drawn({n, n}, kind.dtype),
                 c = drawn({n, n}, kind.dtype);
    const auto call = [&] { device().gemm({}, a, b, c); };
    const double time =
        table.row(fmt::format("{} product {} x {} x {}", name_of(kind.unit), n, n, n), kind.unit,
                  3 * double(a.bytes()), double(n) * double(n) * double(n), call);
    if (with_versus) versus(table, "cuBLAS", use_cublas, kind, time, call);
  }
}

// The layers of a ResNet-18 on 32 × 32 images, and a depthwise one.
void bench_convolutions(const Table& table, const Kind& kind, bool with_versus) {
  const std::int64_t images = scaled(kind.dtype == DType::float32 ? 256 : 8, 1);
  const Layer layers[] = {
      {"stem 3-64", 32, 3, 64, 3, {1, 1, 1}},   {"64-64", 32, 64, 64, 3, {1, 1, 1}},
      {"64-128 /2", 32, 64, 128, 3, {2, 1, 1}}, {"256-256", 8, 256, 256, 3, {1, 1, 1}},
      {"512-512", 4, 512, 512, 3, {1, 1, 1}},   {"depthwise 96", 32, 96, 96, 3, {1, 1, 96}}};
  for (const Layer& l : layers) {
    const std::int64_t extent = scaled(l.extent, 4), out = l.options.output(extent, l.kernel);
    const Tensor x = drawn({images, extent, extent, l.channels}, kind.dtype);
    const Tensor w =
        drawn({l.kernel, l.kernel, l.channels / l.options.groups, l.out_channels}, kind.dtype);
    const Tensor y = drawn({images, out, out, l.out_channels}, kind.dtype);
    // As in training, which rounds each of them once for several passes.
    const auto operand = [&](const Tensor& t) {
      return device().conv_operand(l.options, t, w.shape());
    };
    const Tensor image = operand(x), gradient = operand(y);
    const double macs = double(y.elements()) * double(w.elements()) / double(l.out_channels);
    const auto measure = [&](const std::string& pass, double bytes,
                             const std::function<void()>& call) {
      const double time = table.row(fmt::format("{} conv {}{}", name_of(kind.unit), l.name, pass),
                                    kind.unit, bytes, macs, call);
      if (with_versus && kind.precision != Precision::bf16)  // which it has not for such tensors
        versus(table, "cuDNN", use_cudnn, kind, time, call);
    };
    measure("", double(image.bytes() + w.bytes() + y.bytes()),
            [&] { device().conv2d(l.options, image, w, {}, y); });
    measure(", input gradient", double(gradient.bytes() + w.bytes() + x.bytes()),
            [&] { device().conv2d_backward_input(l.options, gradient, w, x); });
    measure(", weight gradient", double(image.bytes() + gradient.bytes() + w.bytes()),
            [&] { device().conv2d_backward_weight(l.options, image, gradient, w); });
    if (image.dtype() == DType::bfloat16)
      table.row(fmt::format("{} conv {}, rounding the image", name_of(kind.unit), l.name),
                kind.unit, double(x.bytes() + image.bytes()), 0, [&] { (void)operand(x); });
  }
}

}  // namespace

void bench_products(const Table& table, bool with_versus) {
  for (const Kind& kind : kKinds) {
    select(kind);
    bench_gemm(table, kind, with_versus);
    bench_convolutions(table, kind, with_versus);
  }
  device().set_precision(Precision::float32);
  device().set_ring_product(RingProduct::automatic);
}

}  // namespace hush::cuda
