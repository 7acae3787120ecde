// The trained network that a replacement starts from.
#pragma once

#include <filesystem>
#include <string>

#include "apps/common/model_options.h"

namespace hush::apps {

// The newest model file in `folder` of that dataset and model whose ReLUs are all there. Throws
// FileError, saying how to make one, if there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& folder,
                                        const std::string& dataset, const std::string& model);

// Reads it. `model` may be empty; what the file does not say comes from `fallback`. Throws
// FileError or ArgumentError if it is of another architecture, does not fit the data, or its ReLUs
// have been replaced already.
LoadedModel load_start_network(const std::filesystem::path& file, const std::string& model,
                               const nn::ModelInfo& fallback);

}  // namespace hush::apps
