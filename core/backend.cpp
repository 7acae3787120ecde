#include "core/backend.h"

#include <map>
#include <mutex>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/instruction_set.h"

namespace hush {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<Device::Kind, BackendFactory> factories;
  std::map<std::pair<Device::Kind, int>, std::unique_ptr<Backend>> made;
};

Registry& registry() {  // never destroyed: tensors with static lifetime may outlive main
  static auto* instance = new Registry;
  return *instance;
}

// Nothing is kept but the weights.
class PlainFixedConvolution final : public FixedConvolution {
 public:
  PlainFixedConvolution(Backend& device, const ConvOptions& options, const Tensor& w)
      : device_(device), options_(options), w_(w) {}
  void run(const Tensor& x, const ConvEpilogue& epilogue, const Tensor& y) override {
    device_.conv2d(options_, x, w_, epilogue, y);
  }

 private:
  Backend& device_;
  ConvOptions options_;
  Tensor w_;
};

class PlainRepeatedWork final : public RepeatedWork {
 public:
  explicit PlainRepeatedWork(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

void Backend::set_precision(Precision precision) {
  require(precision == Precision::float32,
          "precision: {} multiplies in fp32 only; tf32 and bf16 need a CUDA device",
          device().text());
}

std::unique_ptr<RepeatedWork> Backend::repeat(std::function<void()> work) {
  return std::make_unique<PlainRepeatedWork>(std::move(work));
}

std::unique_ptr<FixedConvolution> Backend::fix_weights(const ConvOptions& options, const Shape&,
                                                       const Tensor& w) {
  return std::make_unique<PlainFixedConvolution>(*this, options, w);
}

Tensor Backend::conv_operand(const ConvOptions&, const Tensor& x, const Shape&) {
  return x;
}

Backend& backend(Device device) {
  if (device.kind == Device::Kind::cpu) {  // without a lock: asked for at every allocation
    static auto* cpu = [] {
      limit_instruction_set();
      return new CpuBackend;
    }();
    return *cpu;
  }
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  auto& slot = r.made[{device.kind, device.index}];
  if (!slot) {
    const auto factory = r.factories.find(device.kind);
    require(factory != r.factories.end(),
            "device {} is not in this build; use --device cpu, or build where nvcc is found",
            device.text());
    slot = factory->second(device.index);
  }
  return *slot;
}

void register_backend(Device::Kind kind, BackendFactory make) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  r.factories[kind] = make;
}

}  // namespace hush
