// Times every kernel family of the CUDA backend: time, the bytes it must move and the operations it
// must do, and the fraction of the ceiling that binds it, measured in the same run.
//
// usage: gpu_bench [--quick]        (--quick: tiny shapes, one repetition; the test of this
// program)
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "arithmetic_peak.h"
#include "core/revision.h"
#include "cuda/error.h"
#include "cuda/extensions.h"
#include "cuda/register.h"

namespace hush::cuda {
namespace {

constexpr Device kDevice{Device::Kind::cuda, 0};
bool quick = false;

std::int64_t scaled(std::int64_t full, std::int64_t tiny) {
  return quick ? tiny : full;
}

CudaBackend& device() {
  return static_cast<CudaBackend&>(backend(kDevice));
}

Tensor floats(const Shape& shape) {
  Tensor t = Tensor::empty(shape, DType::float32, kDevice);
  fill_uniform(device(), 1, RandomUse::test, 0, t);
  return t;
}

Tensor ring(const Shape& shape) {
  Tensor t = Tensor::empty(shape, DType::ring64, kDevice);
  fill_chacha20(device(), {1, 2, 3, 4, 5, 6, 7, 8}, 0, {0, 0, 0}, t);
  return t;
}

Tensor drawn(const Shape& shape, DType dtype) {
  return dtype == DType::float32 ? floats(shape) : ring(shape);
}

// The median time of a call in seconds, after a warm-up.
double seconds(const std::function<void()>& call) {
  const Queue queue = device().queue();
  const EventHandle begin = runtime::create_event(), end = runtime::create_event();
  std::vector<double> times;
  for (int repeat = 0; repeat < (quick ? 1 : 21); ++repeat) {
    runtime::record(begin, queue.stream);
    call();
    runtime::record(end, queue.stream);
    times.push_back(double(runtime::milliseconds(begin, end)) / 1000);
  }
  runtime::destroy_event(begin);
  runtime::destroy_event(end);
  if (times.size() > 1) times.erase(times.begin());
  std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
  return std::max(times[times.size() / 2], 1e-9);
}

// What the device reaches at best: bytes per second of a copy much larger than its cache, and
// multiply-adds per second that touch no memory, per element type.
struct Ceilings {
  double bytes = 0, float_macs = 0, ring_macs = 0;
};

double arithmetic_rate(DType dtype) {
  const int rounds = int(scaled(4096, 1));
  return arithmetic_peak_macs(rounds) / seconds([&] { arithmetic_peak(device(), dtype, rounds); });
}

Ceilings measure_ceilings() {
  const Tensor from = floats({scaled(std::int64_t{1} << 28, 4096)});
  const Tensor to = Tensor::empty(from.shape(), DType::float32, kDevice);
  const double copy = 2 * double(from.bytes()) / seconds([&] { device().copy(from, to); });
  return {copy, arithmetic_rate(DType::float32), arithmetic_rate(DType::ring64)};
}

class Table {
 public:
  explicit Table(const Ceilings& ceilings) : ceilings_(ceilings) {
    std::printf("%-44s %12s %10s %10s %9s\n", "kernel", "time", "GB/s", "Gmac/s", "ceiling");
  }
  // `bytes` to move and multiply-adds to do at least; the ceiling is whichever takes longer.
  void row(const std::string& name, DType dtype, double bytes, double macs,
           const std::function<void()>& call) const {
    const double time = seconds(call);
    const double rate = dtype == DType::float32 ? ceilings_.float_macs : ceilings_.ring_macs;
    const double least = std::max(bytes / ceilings_.bytes, macs / rate);
    std::printf("%-44s %9.1f us %10.1f %10.1f %8.0f%%\n", name.c_str(), time * 1e6,
                bytes / time / 1e9, macs / time / 1e9, 100 * least / time);
  }

 private:
  Ceilings ceilings_;
};

struct Layer {
  const char* name;
  std::int64_t extent, channels, out_channels, kernel;
  ConvOptions options;
};

void bench_products(const Table& table, DType dtype) {
  for (const std::int64_t full : {1024, 4096}) {
    const std::int64_t n = scaled(full, 64);
    const Tensor a = drawn({n, n}, dtype), b = drawn({n, n}, dtype), c = drawn({n, n}, dtype);
    table.row(fmt::format("{} product {} x {} x {}", name_of(dtype), n, n, n), dtype,
              3 * double(a.bytes()), double(n) * double(n) * double(n),
              [&] { device().gemm({}, a, b, c); });
  }
}

// The layers of a ResNet-18 on 32 × 32 images, and a depthwise one.
void bench_convolutions(const Table& table, DType dtype) {
  const std::int64_t images = scaled(dtype == DType::float32 ? 256 : 8, 1);
  const Layer layers[] = {
      {"stem 3-64", 32, 3, 64, 3, {1, 1, 1}},   {"64-64", 32, 64, 64, 3, {1, 1, 1}},
      {"64-128 /2", 32, 64, 128, 3, {2, 1, 1}}, {"256-256", 8, 256, 256, 3, {1, 1, 1}},
      {"512-512", 4, 512, 512, 3, {1, 1, 1}},   {"depthwise 96", 32, 96, 96, 3, {1, 1, 96}}};
  for (const Layer& l : layers) {
    const std::int64_t extent = scaled(l.extent, 4), out = l.options.output(extent, l.kernel);
    const Tensor x = drawn({images, extent, extent, l.channels}, dtype);
    const Tensor w =
        drawn({l.kernel, l.kernel, l.channels / l.options.groups, l.out_channels}, dtype);
    const Tensor y = drawn({images, out, out, l.out_channels}, dtype);
    const double bytes = double(x.bytes() + w.bytes() + y.bytes());
    const double macs = double(y.elements()) * double(w.elements()) / double(l.out_channels);
    const std::string name = fmt::format("{} conv {}", name_of(dtype), l.name);
    table.row(name, dtype, bytes, macs, [&] { device().conv2d(l.options, x, w, {}, y); });
    table.row(name + ", input gradient", dtype, bytes, macs,
              [&] { device().conv2d_backward_input(l.options, y, w, x); });
    table.row(name + ", weight gradient", dtype, bytes, macs,
              [&] { device().conv2d_backward_weight(l.options, x, y, w); });
  }
}

void bench_elementwise(const Table& table) {
  const Shape shape{scaled(256, 2), 32, 32, scaled(64, 4)};
  const std::int64_t channels = shape[3];
  const Tensor x = floats(shape), y = floats(shape), z = floats(shape);
  const double one = double(x.bytes());
  const auto of = [&] { return floats({channels}); };
  const Tensor gamma = of(), beta = of(), mean = of(), var = of(), batch_mean = of(),
               inverse = of();
  constexpr DType f = DType::float32;
  table.row("relu", f, 2 * one, 0, [&] { device().map(Unary::relu, x, y); });
  table.row("silu", f, 2 * one, 0, [&] { device().map(Unary::silu, x, y); });
  table.row("add", f, 3 * one, 0, [&] { device().zip(Binary::add, x, y, z); });
  table.row("column sum", f, one, 0, [&] { device().column_sum(x, gamma); });
  table.row("batch norm + add + relu, training", f, 4 * one, 0, [&] {
    device().batch_norm_train({1e-5f, 0.1f, true},
                              {x, gamma, beta, z, mean, var, y, batch_mean, inverse});
  });
  table.row("batch norm + add + relu, gradients", f, 8 * one, 0, [&] {
    device().batch_norm_backward({1e-5f, 0.1f, true},
                                 {x, gamma, batch_mean, inverse, y, z, x, mean, var, y});
  });
  const Tensor gate = floats({32, 32, channels}), coefficients = floats({3, channels});
  const Tensor d_gate = floats({32, 32, channels}), d_coefficients = floats({3, channels});
  table.row("gated activation", f, 2 * one, 0,
            [&] { device().gated_activation(x, gate, coefficients, y); });
  table.row("gated activation, three gradients", f, 3 * one, 0, [&] {
    device().gated_activation_backward(x, gate, coefficients, y, z, d_gate, d_coefficients);
  });
  const Tensor pooled = floats({shape[0], 16, 16, channels});
  table.row("max pool 2", f, 1.25 * one, 0, [&] {
    device().pool({PoolKind::max, 2, 2, 0}, x, pooled, {});
  });
  const int to_nchw[] = {0, 3, 1, 2};
  const Tensor nchw = floats({shape[0], channels, 32, 32});
  table.row("permute NHWC to NCHW", f, 2 * one, 0, [&] { device().permute(to_nchw, x, nchw); });
  table.row("SGD with momentum", f, 5 * one, 0, [&] {
    device().sgd_step({}, std::vector<SgdTensors>{{x, y, z}});
  });
  table.row("uniform fill", f, one, 0, [&] { fill_uniform(device(), 1, RandomUse::test, 0, x); });
}

void bench_ring(const Table& table) {
  const Tensor x = ring({scaled(1 << 24, 1000)}), y = ring(x.shape());
  const std::int64_t words = (x.elements() + 31) / 32;
  const Tensor planes = Tensor::empty({64, words}, DType::int32, kDevice);
  const double one = double(x.bytes());
  constexpr DType r = DType::ring64;
  table.row("truncation", r, 2 * one, 0, [&] { truncate_share(device(), 1, x, 16, y); });
  table.row("bit planes", r, 2 * one, 0, [&] { to_bit_planes(device(), x, planes); });
  table.row("bit-sliced AND", r, 6 * one, 0, [&] {
    beaver_and(device(), {x, y, x, y, x, y}, true);
  });
  table.row("ChaCha20", r, one, 0, [&] {
    fill_chacha20(device(), {1, 2, 3, 4, 5, 6, 7, 8}, 0, {0, 0, 0}, x);
  });
}

int run() {
  if (const std::string why_not = register_cuda(); !why_not.empty()) {
    std::printf("gpu_bench: NOT MEASURED: %s\n", why_not.c_str());
    return 0;
  }
  std::printf("%s, revision %s%s\n", device().description().c_str(),
              std::string(git_revision()).c_str(),
              quick ? ", QUICK: the figures mean nothing" : "");
  const Ceilings ceilings = measure_ceilings();
  std::printf("ceilings: copy %.0f GB/s, multiply-adds: float32 %.0f G/s, ring64 %.0f G/s\n",
              ceilings.bytes / 1e9, ceilings.float_macs / 1e9, ceilings.ring_macs / 1e9);
  const Table table(ceilings);
  for (const DType dtype : {DType::float32, DType::ring64}) {
    bench_products(table, dtype);
    bench_convolutions(table, dtype);
  }
  bench_elementwise(table);
  bench_ring(table);
  return 0;
}

}  // namespace
}  // namespace hush::cuda

int main(int argc, char** argv) {
  hush::cuda::quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
  try {
    return hush::cuda::run();
  } catch (const hush::Error& error) {
    std::fprintf(stderr, "gpu_bench: %s\n", error.what());
    return 1;
  }
}
