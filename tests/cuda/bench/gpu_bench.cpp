// Times every kernel family of the CUDA backend: time, the bytes it must move and the operations it
// must do, and the fraction of the ceiling that binds it, measured in the same run; then a training
// step as a whole.
//
// usage: gpu_bench [--quick] [--versus] [--step-only]
//   --versus     also cuBLAS and cuDNN
//   --step-only  nothing but the training step
//   --quick      tiny shapes, one repetition; the test of this program
#include <cstdio>
#include <string_view>

#include "bench_table.h"
#include "core/revision.h"
#include "cuda/error.h"
#include "cuda/extensions.h"
#include "cuda/register.h"
#include "products.h"
#include "training_step.h"

namespace hush::cuda {
namespace {

bool with_versus = false, step_only = false;

void bench_elementwise(const Table& table) {
  const Shape shape{scaled(256, 2), 32, 32, scaled(64, 4)};
  const std::int64_t channels = shape[3];
  const Tensor x = floats(shape), y = floats(shape), z = floats(shape);
  const double one = double(x.bytes());
  const auto of = [&] { return floats({channels}); };
  const Tensor gamma = of(), beta = of(), mean = of(), var = of(), batch_mean = of(),
               inverse = of();
  constexpr Unit f = Unit::float32;
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
  constexpr Unit r = Unit::ring64;
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
  if (!step_only) {
    const Ceilings ceilings;
    ceilings.print();
    const Table table(ceilings);
    bench_products(table, with_versus);
    bench_elementwise(table);
    bench_ring(table);
  }
  bench_training_step(with_versus);
  return 0;
}

}  // namespace
}  // namespace hush::cuda

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--quick") {
      hush::cuda::quick = true;
    } else if (option == "--versus") {
      hush::cuda::with_versus = true;
    } else if (option == "--step-only") {
      hush::cuda::step_only = true;
    } else {
      std::fprintf(stderr, "usage: gpu_bench [--quick] [--versus] [--step-only]\n");
      return 1;
    }
  }
  try {
    return hush::cuda::run();
  } catch (const hush::Error& error) {
    std::fprintf(stderr, "gpu_bench: %s\n", error.what());
    return 1;
  }
}
