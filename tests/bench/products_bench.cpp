// Speed of the convolution kernels, layer by layer, as a ratio to what the arithmetic units can do.
//
//   products_bench ring                 the ring convolutions of private inference
//   products_bench ring_winograd        the same by the exact form that yields four times the
//   result products_bench resnet18 BATCH       every convolution of ResNet-18 for CIFAR, three
//   passes products_bench wrn22_8 BATCH
//
// One thread, in processor time, so that a busy machine disturbs little. Operations are those of
// the direct convolution, so an algorithm that needs fewer may exceed 100 %.
#include <fmt/format.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/backend.h"
#include "core/cpu/winograd.h"
#include "core/ring_winograd.h"
#include "core/thread_pool.h"
#include "tests/bench/peak.h"

namespace hush::bench {
namespace {

struct Layer {
  int count;  // how often the network has it
  std::int64_t extent, c, k, kernel;
  int stride;
};

const std::vector<Layer> kRing = {{1, 32, 64, 64, 3, 1},  {1, 16, 128, 128, 3, 1},
                                  {1, 8, 256, 256, 3, 1}, {1, 4, 512, 512, 3, 1},
                                  {1, 32, 16, 16, 3, 1},  {1, 32, 3, 64, 3, 1}};
const std::vector<Layer> kResNet18 = {
    {1, 32, 3, 64, 3, 1},    {4, 32, 64, 64, 3, 1},   {1, 32, 64, 128, 3, 2},
    {3, 16, 128, 128, 3, 1}, {1, 16, 128, 256, 3, 2}, {3, 8, 256, 256, 3, 1},
    {1, 8, 256, 512, 3, 2},  {3, 4, 512, 512, 3, 1},  {1, 32, 64, 128, 1, 2},
    {1, 16, 128, 256, 1, 2}, {1, 8, 256, 512, 1, 2}};
const std::vector<Layer> kWideResNet = {{1, 32, 3, 16, 3, 1},    {1, 32, 16, 128, 3, 1},
                                        {5, 32, 128, 128, 3, 1}, {1, 32, 128, 256, 3, 2},
                                        {5, 16, 256, 256, 3, 1}, {1, 16, 256, 512, 3, 2},
                                        {5, 8, 512, 512, 3, 1},  {1, 32, 16, 128, 1, 1},
                                        {1, 32, 128, 256, 1, 2}, {1, 16, 256, 512, 1, 2}};
const std::vector<Layer> kResNet20 = {{1, 32, 3, 16, 3, 1},  {6, 32, 16, 16, 3, 1},
                                      {1, 32, 16, 32, 3, 2}, {5, 16, 32, 32, 3, 1},
                                      {1, 16, 32, 64, 3, 2}, {5, 8, 64, 64, 3, 1}};

template <class F>
double best_seconds(F&& f) {
  double best = 1e30, total = 0;
  for (int repeat = 0; repeat < 30 && (repeat < 3 || total < 0.3); ++repeat) {
    const double begin = thread_seconds();
    f();
    const double seconds = thread_seconds() - begin;
    total += seconds;
    best = std::min(best, seconds);
  }
  return best;
}

template <class T>
void fill(const Tensor& t, std::uint32_t seed) {
  for (T& v : t.values<T>()) {
    seed = seed * 1664525u + 1013904223u;
    v = std::is_same_v<T, float> ? T(float(seed >> 8) / 8388608.0f - 1.0f)
                                 : T(Ring(seed) * 0x9e3779b97f4a7c15);
  }
}

// Milliseconds of the three passes, all layers together.
template <class T>
void measure(const std::vector<Layer>& layers, std::int64_t batch, double peak) {
  fmt::print("{:28} {:>5} {:>26} {:>26} {:>26}\n", "layer", "count", "forward", "input gradient",
             "weight gradient");
  double total[3] = {};
  Backend& cpu = backend({});
  for (const Layer& layer : layers) {
    const ConvOptions options{layer.stride, int(layer.kernel / 2), 1};
    const std::int64_t out = options.output(layer.extent, layer.kernel);
    const Tensor x = Tensor::empty({batch, layer.extent, layer.extent, layer.c}, kDTypeOf<T>);
    const Tensor w = Tensor::empty({layer.kernel, layer.kernel, layer.c, layer.k}, kDTypeOf<T>);
    const Tensor y = Tensor::empty({batch, out, out, layer.k}, kDTypeOf<T>);
    fill<T>(x, 1);
    fill<T>(w, 2);
    const double operations = 2e-9 * double(y.elements() * layer.c * layer.kernel * layer.kernel);
    const double seconds[3] = {best_seconds([&] { cpu.conv2d(options, x, w, {}, y); }),
                               best_seconds([&] { cpu.conv2d_backward_input(options, y, w, x); }),
                               best_seconds([&] { cpu.conv2d_backward_weight(options, x, y, w); })};
    fmt::print("{:28} {:5}",
               fmt::format("{}x{} {}->{} @{} s{}", layer.kernel, layer.kernel, layer.c, layer.k,
                           layer.extent, layer.stride),
               layer.count);
    for (int pass = 0; pass < 3; ++pass) {
      const double speed = operations / seconds[pass];
      fmt::print(" {:8.3f} ms {:6.1f} {:5.1f} %", seconds[pass] * 1e3, speed, 100 * speed / peak);
      total[pass] += layer.count * seconds[pass] * 1e3;
    }
    fmt::print("\n");
  }
  fmt::print("{:28} {:5} {:8.2f} ms {:14} {:8.2f} ms {:14} {:8.2f} ms\n", "all layers", "",
             total[0], "", total[1], "", total[2]);
}

void measure_ring_winograd(double peak) {
  fmt::print("{:28} {:>26} {:>26} {:>26}\n", "layer", "direct", "Winograd, 4 (x * w)",
             "with kept weights");
  for (const Layer& layer : kRing) {
    const ConvGeometry g{.n = 1,
                         .h = layer.extent,
                         .w = layer.extent,
                         .c = layer.c,
                         .kh = 3,
                         .kw = 3,
                         .k = layer.k,
                         .oh = layer.extent,
                         .ow = layer.extent,
                         .stride = 1,
                         .padding = 1,
                         .groups = 1};
    if (!has_winograd(g)) continue;
    const Tensor x = Tensor::empty({1, g.h, g.w, g.c}, DType::ring64);
    const Tensor w = Tensor::empty({3, 3, g.c, g.k}, DType::ring64);
    const Tensor y = Tensor::empty({1, g.h, g.w, g.k}, DType::ring64);
    fill<Ring>(x, 1);
    fill<Ring>(w, 2);
    const double operations = 18e-9 * double(y.elements() * g.c);
    const RingWinogradWeights kept(w);
    const double seconds[3] = {best_seconds([&] {
                                 backend({}).conv2d({1, 1, 1}, x, w, {}, y);
                               }),
                               best_seconds([&] {
                                 winograd_convolve<Ring>(g, x.data<Ring>(), w.data<Ring>(), {},
                                                         y.data<Ring>());
                               }),
                               best_seconds([&] {
                                 ring_winograd_conv2d({1, 1, 1}, x, kept, y);
                               })};
    fmt::print("{:28}", fmt::format("3x3 {}->{} @{}", g.c, g.k, g.h));
    for (const double s : seconds)
      fmt::print(" {:8.3f} ms {:6.1f} {:5.1f} %", s * 1e3, operations / s,
                 100 * operations / s / peak);
    fmt::print("\n");
  }
}

int run(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "ring";
  const std::int64_t batch = count > 2 ? std::atoll(arguments[2]) : 1;
  set_thread_count(1);
  const bool ring = what.starts_with("ring");
  const double peak = ring ? ring_peak() : float_peak();
  fmt::print("{}, batch {}; ceiling {:.1f} Gop/s a thread\n", backend({}).description(), batch,
             peak);
  if (what == "ring") measure<Ring>(kRing, batch, peak);
  if (what == "ring_winograd") measure_ring_winograd(peak);
  if (what == "resnet18") measure<float>(kResNet18, batch, peak);
  if (what == "wrn22_8") measure<float>(kWideResNet, batch, peak);
  if (what == "resnet20") measure<float>(kResNet20, batch, peak);
  return 0;
}

}  // namespace
}  // namespace hush::bench

int main(int count, char** arguments) {
  return hush::bench::run(count, arguments);
}
