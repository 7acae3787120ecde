// Replacement runs of two epochs of six steps on a small task, for the tests of the trainer.
#pragma once

#include "nn/models.h"
#include "nn/replacement_trainer.h"
#include "tests/nn/memory_source.h"

namespace hush::nn {

inline constexpr std::int64_t kBudget = 300;
inline const Shape kImage{1, 8, 8, 1};

inline ModelInfo task_info() {
  ModelInfo info;
  info.model = "resnet8";
  info.dataset = "task";
  info.classes = 3;
  info.image = kImage;
  info.options = {{"method", "autorep"}};
  return info;
}

inline ReplacementOptions quick(const std::filesystem::path& path,
                                const std::string& method = "autorep") {
  ReplacementOptions options;
  options.epochs = 2;
  options.budget = kBudget;
  options.mask.method = parse_method(method);
  options.mask.candidates = 2;
  options.calibration_batches = 2;
  options.model_path = path;
  return options;
}

inline MemorySource task() {
  return make_task(32 * 6, 32, 1);
}

}  // namespace hush::nn
