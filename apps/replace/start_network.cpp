#include "apps/replace/start_network.h"

#include <optional>

namespace hush::apps {
namespace {

// What a file says of itself; nothing if it is no model file that can be read.
std::optional<nn::ModelInfo> info_in(const std::filesystem::path& file) {
  try {
    return nn::from_metadata(nn::SafetensorsFile(file).metadata(), file.string());
  } catch (const FileError&) {  // somebody else's file, or half a download
    return std::nullopt;
  }
}

bool is_model_file(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return name.ends_with(".safetensors") && !name.ends_with(".state.safetensors");
}

}  // namespace

std::filesystem::path newest_checkpoint(const std::filesystem::path& folder,
                                        const std::string& dataset, const std::string& model) {
  std::filesystem::path newest;
  std::filesystem::file_time_type newest_time;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (!entry.is_regular_file() || !is_model_file(entry.path())) continue;
    const std::optional<nn::ModelInfo> info = info_in(entry.path());
    if (!info || info->model != model || info->dataset != dataset || !info->replacement.empty())
      continue;
    if (newest.empty() || entry.last_write_time() > newest_time) {
      newest = entry.path();
      newest_time = entry.last_write_time();
    }
  }
  if (newest.empty())
    throw FileError(
        fmt::format("{}: holds no {} trained on {}; train one with ./apps/pretrain --dataset {} "
                    "--model {}, or give --from FILE",
                    folder.string(), model, dataset, dataset, model));
  return newest;
}

LoadedModel load_start_network(const std::filesystem::path& file, const std::string& model,
                               const nn::ModelInfo& fallback) {
  ModelOptions options;
  options.model = model;
  options.weights = file.string();
  LoadedModel loaded = options.load(fallback);
  if (!loaded.info.replacement.empty())
    throw ArgumentError(
        fmt::format("{}: its ReLUs have been replaced already ({}, budget {}); start from a "
                    "network that has all of them",
                    file.string(), loaded.info.replacement, loaded.info.budget));
  return loaded;
}

}  // namespace hush::apps
