// How a training program uses a GPU: precision, whose kernels, and whether steps are recorded.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/device.h"
#include "nn/weight_file.h"

namespace hush::apps {

struct GpuOptions {
  std::string precision = "fp32", gemm = "own", conv = "own", cuda_graph = "off";

  bool records_steps() const { return cuda_graph == "on"; }

  void add_to(CLI::App& app);
  // Tells the device. Throws, one line, what it cannot do; only GPUs can do anything but the
  // defaults.
  void apply(Device device) const;
  // Adds what is not the default to the options that a resumed run must share.
  void record(nn::Metadata& options) const;
};

}  // namespace hush::apps
