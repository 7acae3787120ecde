#include "apps/common/gpu_options.h"

#include <mutex>

#include "core/backend.h"
#include "core/error.h"
#include "cuda/register.h"

namespace hush::apps {

void GpuOptions::add_to(CLI::App& app) {
  app.add_option("--precision", precision,
                 "what products on a GPU round to; weights and sums stay fp32")
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}))
      ->capture_default_str();
  app.add_option("--gemm", gemm, "whose matrix products on a GPU")
      ->check(CLI::IsMember({"own", "cublas"}))
      ->capture_default_str();
  app.add_option("--conv", conv, "whose convolutions on a GPU")
      ->check(CLI::IsMember({"own", "cudnn"}))
      ->capture_default_str();
  app.add_option("--cuda-graph", cuda_graph,
                 "on a GPU, record a step's passes once and start them as a whole")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
}

void GpuOptions::apply(Device device) const {
  const bool is_gpu = device.kind == Device::Kind::cuda;
  require(is_gpu || (gemm == "own" && conv == "own"),
          "--gemm {} --conv {} need a CUDA device, and this run is on the {}", gemm, conv,
          device.text());
  require(is_gpu || precision == "fp32",
          "--precision {} needs a CUDA device, and this run is on the {}", precision,
          device.text());
  require(is_gpu || !records_steps(),
          "--cuda-graph on needs a CUDA device, and this run is on the {}", device.text());
  require(precision != "bf16" || conv == "own",
          "--conv cudnn has no bf16 for float32 tensors; use --precision tf32, or --conv own");
  static std::mutex one_at_a_time;  // ranks may be threads that share a device
  const std::scoped_lock lock(one_at_a_time);
  backend(device).set_precision(precision == "bf16"   ? Precision::bf16
                                : precision == "tf32" ? Precision::tf32
                                                      : Precision::float32);
  if (gemm == "cublas") cuda::use_cublas(device.index);
  if (conv == "cudnn") cuda::use_cudnn(device.index);
}

void GpuOptions::record(nn::Metadata& options) const {
  if (precision != "fp32") options["precision"] = precision;
  if (gemm != "own") options["gemm"] = gemm;
  if (conv != "own") options["conv"] = conv;
}

}  // namespace hush::apps
