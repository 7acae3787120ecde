#include "cuda/register.h"

#include "core/backend.h"
#include "cuda/backend.h"
#include "cuda/error.h"
#include "cuda/runtime.h"

namespace hush::cuda {
namespace {

using runtime::Probe;

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// Why no device can be used; empty if one can.
std::string complaint(const Probe& probe) {
  switch (probe.driver) {
    case Probe::Driver::ready:
      return {};
    case Probe::Driver::absent:
      return "no CUDA: this machine has no NVIDIA driver; install one, or use --device cpu";
    case Probe::Driver::too_old:
      return fmt::format(
          "no CUDA: the NVIDIA driver supports CUDA {}, this build needs {}; update the driver, or "
          "use --device cpu",
          version_text(probe.driver_version), version_text(probe.runtime_version));
    case Probe::Driver::no_device:
      return "no CUDA: the NVIDIA driver sees no GPU; look at nvidia-smi and "
             "CUDA_VISIBLE_DEVICES, or use --device cpu";
    case Probe::Driver::failed:
      break;
  }
  return fmt::format("no CUDA: the driver answers '{}'; look at nvidia-smi, or use --device cpu",
                     probe.detail);
}

CudaBackend& device_of(int index) {
  auto& device = static_cast<CudaBackend&>(backend({Device::Kind::cuda, index}));
  (void)device.queue();  // selects it
  return device;
}

std::unique_ptr<Backend> make_backend(int index) {
  return std::make_unique<CudaBackend>(index);
}

}  // namespace

std::string register_cuda() {
  std::string why_not = complaint(runtime::probe());
  if (why_not.empty()) register_backend(Device::Kind::cuda, make_backend);
  return why_not;
}

bool is_in_this_build() {
  return true;
}

int device_count() {
  const Probe probe = runtime::probe();
  return probe.driver == Probe::Driver::ready ? probe.devices : 0;
}

void check_device(int index) {
  const Probe probe = runtime::probe();
  const std::string why_not = complaint(probe);
  if (probe.driver == Probe::Driver::absent) throw NoDriverError(why_not);
  if (probe.driver == Probe::Driver::too_old) throw DriverTooOldError(why_not);
  if (!why_not.empty()) throw CudaError(why_not);
  if (index < 0 || index >= probe.devices)
    throw DeviceIndexError(
        fmt::format("device cuda:{} does not exist: this machine has {} (cuda:0 "
                    "to cuda:{})",
                    index, probe.devices, probe.devices - 1));
}

void use_cublas(int index) {
  device_of(index).set_vendor(make_cublas());
}

void use_cudnn(int index) {
  device_of(index).set_vendor(make_cudnn());
}

}  // namespace hush::cuda
