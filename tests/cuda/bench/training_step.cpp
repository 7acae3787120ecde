#include "training_step.h"

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "bench_table.h"
#include "core/autograd.h"
#include "core/passes.h"
#include "cuda/register.h"
#include "nn/models.h"
#include "nn/optimizer.h"

namespace hush::cuda {
namespace {

struct Setting {
  const char* name;
  Precision precision;
  bool recorded;
  bool vendor;
};

constexpr Setting kSettings[] = {
    {"fp32", Precision::float32, false, false},
    {"fp32, CUDA graph", Precision::float32, true, false},
    {"tf32, CUDA graph", Precision::tf32, true, false},
    {"bf16, CUDA graph", Precision::bf16, true, false},
    {"tf32, cuDNN and cuBLAS", Precision::tf32, false, true},
};

Tensor some_labels(std::int64_t batch) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < batch; ++i) labels.push_back(std::int32_t(i % 10));
  return Tensor::from({batch}, labels).to(kDevice);
}

double step_seconds(const Setting& setting, std::int64_t batch) {
  device().set_precision(setting.precision);
  if (setting.vendor) {
    use_cublas(kDevice.index);
    use_cudnn(kDevice.index);
  }
  const std::int64_t extent = scaled(32, 8);
  const char* model = quick ? "resnet8" : "resnet18";
  const LossGraph loss =
      with_loss(fuse_for_training(nn::make_model(model, 10, {1, extent, extent, 3}, 1)), 0);
  const Graph graph = loss.graph.copied_to(kDevice);
  nn::OptimizerOptions options;
  options.weight_decay = 5e-4f;
  const auto optimizer = nn::make_optimizer(options, nn::named_parameters(graph));
  const std::array inputs{floats({batch, extent, extent, 3}), some_labels(batch)};
  const Tensor one = Tensor::full({}, 1, kDevice);
  std::vector<Tensor> gradients;
  const auto passes = [&] {
    gradients.clear();
    TrainingPass pass(graph, {});
    pass.forward(inputs);
    const std::vector<Tensor> by_node = pass.backward({}, one);
    for (const NodeId p : graph.of_kind(NodeKind::parameter))
      gradients.push_back(by_node[std::size_t(p)]);
  };
  const auto recorded = device().repeat(passes);
  recorded->run();  // the second run records
  return seconds([&] {
    if (setting.recorded)
      recorded->run();
    else
      passes();
    optimizer->step(0.1, gradients);
  });
}

}  // namespace

void bench_training_step(bool with_versus) {
  const std::int64_t batch = scaled(512, 2);
  std::printf("ResNet-18/CIFAR training step, batch %d\n", int(batch));
  for (const Setting& setting : kSettings) {
    if (setting.vendor && !with_versus) continue;
    try {
      const double time = step_seconds(setting, batch);
      std::printf("  %-50s %9.1f us %10.0f images/s\n", setting.name, time * 1e6,
                  double(batch) / time);
    } catch (const Error& error) {
      std::printf("  %-50s NOT MEASURED: %s\n", setting.name, error.what());
    }
    device().set_vendor(std::unique_ptr<VendorGemm>());
    device().set_vendor(std::unique_ptr<VendorConvolution>());
  }
  device().set_precision(Precision::float32);
}

}  // namespace hush::cuda
