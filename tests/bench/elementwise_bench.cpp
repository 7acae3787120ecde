// How close the memory-bound kernels come to what memory gives: each beside a triad
// (a = b + s c, plain loop) measured in the same run, with as many threads.
//
//   elementwise_bench --benchmark_min_time=0.5
//
// Bytes are those that the kernel must move at least: every tensor once for each pass over it. Time
// is CPU time of all threads, so that other programs on the machine disturb little. The counter
// `of_triad` is the rate of bytes as a fraction of triad's.
#include <benchmark/benchmark.h>

#include <ctime>
#include <map>
#include <vector>

#include "core/backend.h"
#include "core/thread_pool.h"

namespace hush {
namespace {

// A feature map of ResNet-18 at batch 64: 16 MiB, beyond the caches that belong to one core.
const Shape kImages{64, 32, 32, 64};
constexpr std::size_t kTriadElements = std::size_t{1} << 22;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Bytes per CPU second of a triad, the best of some runs; measured once for each thread count.
double triad_rate() {
  static std::map<int, double> rates;
  double& best = rates[thread_count()];
  if (best > 0) return best;
  std::vector<float> a(kTriadElements, 1), b(kTriadElements, 2), c(kTriadElements, 3);
  for (int run = 0; run < 30; ++run) {
    const double start = cpu_seconds();
    parallel_for(kTriadElements, 16384, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) a[i] = b[i] + 3.0f * c[i];
    });
    benchmark::DoNotOptimize(a.data());
    best = std::max(best, 3.0 * 4.0 * double(kTriadElements) / (cpu_seconds() - start));
  }
  return best;
}

// Runs `kernel` in the benchmark loop; it moves `bytes` bytes.
template <class F>
void measure(benchmark::State& state, double bytes, F kernel) {
  set_thread_count(int(state.range(0)));
  const double ceiling = triad_rate();
  kernel();
  const double start = cpu_seconds();
  for (auto _ : state) kernel();
  const double rate = bytes * double(state.iterations()) / (cpu_seconds() - start);
  state.counters["bytes"] =
      benchmark::Counter(bytes * double(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["of_triad"] = rate / ceiling;
}

Backend& cpu() {
  return backend({});
}

Tensor filled(const Shape& shape) {
  const Tensor tensor = Tensor::empty(shape, DType::float32);
  float value = 0;
  for (float& x : tensor.values<float>()) x = value = value > 2 ? value - 4.7f : value + 0.37f;
  return tensor;
}

struct NormTensors {
  explicit NormTensors(const Shape& shape) : x(filled(shape)), y(filled(shape)), dy(filled(shape)) {
    const Shape c{shape[-1]};
    for (Tensor* t : {&gamma, &beta, &mean, &var, &batch_mean, &inverse, &d_gamma, &d_beta})
      *t = Tensor::full(c, 1);
  }
  Tensor x, y, dy;
  Tensor gamma, beta, mean, var, batch_mean, inverse, d_gamma, d_beta;
};

void batch_norm_train(benchmark::State& state, bool residual) {
  const NormTensors n(kImages);
  BatchNormForward t{n.x, n.gamma,      n.beta,   residual ? n.dy : Tensor(), n.mean, n.var,
                     n.y, n.batch_mean, n.inverse};
  measure(state, double(n.x.bytes()) * (residual ? 4 : 3),
          [&] { cpu().batch_norm_train({.relu = true}, t); });
}

void batch_norm_backward(benchmark::State& state, bool residual) {
  const NormTensors n(kImages);
  const Tensor dx = Tensor::empty(kImages, DType::float32);
  BatchNormBackward t{n.x,
                      n.gamma,
                      n.batch_mean,
                      n.inverse,
                      n.y,
                      n.dy,
                      residual ? dx : n.dy,
                      n.d_gamma,
                      n.d_beta,
                      residual ? n.dy : Tensor()};
  // First x, dy, y (and the masked gradient); then x, dy, y (or x and the masked gradient) and dx.
  measure(state, double(n.x.bytes()) * 7, [&] { cpu().batch_norm_backward({.relu = true}, t); });
}

void batch_norm_infer(benchmark::State& state) {
  const NormTensors n(kImages);
  BatchNormForward t{n.x, n.gamma, n.beta, {}, n.mean, n.var, n.y, {}, {}};
  measure(state, double(n.x.bytes()) * 2, [&] { cpu().batch_norm_infer({.relu = true}, t); });
}

void map(benchmark::State& state, Unary f) {
  const Tensor x = filled(kImages), y = filled(kImages);
  measure(state, double(x.bytes()) * 2, [&] { cpu().map(f, x, y); });
}

void relu_in_place(benchmark::State& state) {
  const Tensor x = filled(kImages);
  measure(state, double(x.bytes()) * 2, [&] { cpu().map(Unary::relu, x, x); });
}

void add(benchmark::State& state) {
  const Tensor a = filled(kImages), b = filled(kImages), c = filled(kImages);
  measure(state, double(a.bytes()) * 3, [&] { cpu().zip(Binary::add, a, b, c); });
}

void column_sum(benchmark::State& state, std::int64_t channels) {
  const Tensor x = filled({kImages.elements() / channels, channels});
  const Tensor y = filled({channels});
  measure(state, double(x.bytes()), [&] { cpu().column_sum(x, y); });
}

void sgd(benchmark::State& state) {
  const SgdTensors t{filled(kImages), filled(kImages), filled(kImages)};
  measure(state, double(t.weight.bytes()) * 5, [&] {
    cpu().sgd_step({.learning_rate = 0, .momentum = 0.9f}, {&t, 1});
  });
}

void adam(benchmark::State& state) {
  const AdamTensors t{filled(kImages), filled(kImages), filled(kImages), Tensor::full(kImages, 1)};
  measure(state, double(t.weight.bytes()) * 7, [&] {
    cpu().adam_step({.learning_rate = 0}, {&t, 1});
  });
}

void threads(benchmark::internal::Benchmark* b) {
  b->Arg(1)->ArgName("threads")->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
  if (const int all = thread_count(); all > 1) b->Arg(all);
}

BENCHMARK_CAPTURE(batch_norm_train, plain, false)->Apply(threads);
BENCHMARK_CAPTURE(batch_norm_train, residual, true)->Apply(threads);
BENCHMARK_CAPTURE(batch_norm_backward, plain, false)->Apply(threads);
BENCHMARK_CAPTURE(batch_norm_backward, residual, true)->Apply(threads);
BENCHMARK(batch_norm_infer)->Apply(threads);
BENCHMARK_CAPTURE(map, relu, Unary::relu)->Apply(threads);
BENCHMARK_CAPTURE(map, silu, Unary::silu)->Apply(threads);
BENCHMARK(relu_in_place)->Apply(threads);
BENCHMARK(add)->Apply(threads);
BENCHMARK_CAPTURE(column_sum, channels_3, 3)->Apply(threads);
BENCHMARK_CAPTURE(column_sum, channels_64, 64)->Apply(threads);
BENCHMARK_CAPTURE(column_sum, channels_512, 512)->Apply(threads);
BENCHMARK(sgd)->Apply(threads);
BENCHMARK(adam)->Apply(threads);

}  // namespace
}  // namespace hush

BENCHMARK_MAIN();
