// One replacement run from its start network to its model file.
#pragma once

#include <filesystem>

#include "apps/replace/options.h"

namespace hush::apps {

enum class RunEnding : std::uint8_t { finished, step_limit, stopped };

// Where the run's model file stands: --out, or its default below runs/. The model's name may have
// to be read from --from.
std::filesystem::path autorep_path(const AutorepOptions& options);

// Trains, shows what happens, writes the model, its state and its metrics. With options.resume it
// continues where the state file is. Throws Error subclasses for whatever does not fit together.
RunEnding run_autorep(const AutorepOptions& options, const std::filesystem::path& path);

}  // namespace hush::apps
