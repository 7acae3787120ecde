// The options of pretrain, and what follows from them.
#pragma once

#include <filesystem>
#include <string>

#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/gpu_options.h"
#include "core/communicator.h"
#include "nn/trainer.h"
#include "parallel/agreement.h"

namespace hush::apps {

struct TrainingOptions {
  DatasetOptions dataset;
  DeviceOptions device;
  GpuOptions gpu;
  std::string model = "resnet20", activation, from, out, json;
  std::string optimizer = "sgd", schedule = "cosine";
  nn::TrainerOptions trainer;
  std::int64_t batch = 128;
  double warmup_epochs = 0;
  AugmentOptions augment;
  bool shuffle = true, log_steps = false, resume = false, overwrite = false;
  bool evaluate = true, print_json = false, partial = false;
  int ranks = 1;  // as threads of this process
  double bucket_mib = 4;

  void add_to(CLI::App& app);

 private:
  void add_schedule(CLI::App& app);
  void add_parallel(CLI::App& app);
};

// Where the run is written, its folder made; an old run is not overwritten unasked.
std::filesystem::path output_path(const TrainingOptions& o);

// How one of the ranks reads the training or the test images.
data::LoaderOptions loader_options(const TrainingOptions& o, const nn::ModelInfo& info,
                                   const Communicator& ranks, bool training);

// The options that a resumed run must share, as text.
nn::Metadata recorded(const TrainingOptions& o);

// What all ranks must have been told alike: these and more.
parallel::Facts command_facts(const TrainingOptions& o);

}  // namespace hush::apps
