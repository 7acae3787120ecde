#include "nn/training_state.h"

#include <charconv>
#include <cmath>
#include <map>

#include "nn/weight_layout.h"

namespace hush::nn {
namespace {

constexpr const char* kModelPrefix = "model.";
constexpr const char* kOptimizerPrefix = "optimizer.";
constexpr const char* kStatePrefix = "state.";

using LayoutByName = std::map<std::string, WeightLayout, std::less<>>;

LayoutByName parameter_layouts(const Graph& model) {
  const std::vector<WeightLayout> layouts = weight_layouts(model);
  LayoutByName result;
  for (const NodeId id : model.of_kind(NodeKind::parameter))
    result[model[id].name] = layouts[std::size_t(id)];
  return result;
}

// The layout of an optimizer tensor: that of the parameter whose name follows the first dot.
WeightLayout state_layout(const LayoutByName& layouts, const std::string& name) {
  const auto found = layouts.find(std::string_view(name).substr(name.find('.') + 1));
  return found == layouts.end() ? WeightLayout::plain : found->second;
}

// Calls f(name, field) for each field: the one list from which reading and writing are made.
template <class Progress, class F>
void for_each_field(Progress& p, F f) {
  f("step", p.step);
  f("epoch", p.epoch);
  f("batch", p.batch);
  f("running.images", p.running.images);
  f("running.top1", p.running.top1);
  f("running.top5", p.running.top5);
  f("running.loss_sum", p.running.loss_sum);
  f("best_accuracy", p.best_accuracy);
  f("best_epoch", p.best_epoch);
}

std::string field_text(std::int64_t value) {
  return std::to_string(value);
}
std::string field_text(double value) {
  return fmt::format("{:a}", value);
}

bool parse_field(const std::string& text, std::int64_t& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end && value >= 0;
}
bool parse_field(const std::string& text, double& value) {
  const char* begin = text.data() + (text.starts_with("0x") ? 2 : 0);  // from_chars wants none
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value, std::chars_format::hex);
  return error == std::errc() && stop == end && std::isfinite(value) && value >= 0;
}

TrainingProgress read_progress(const SafetensorsFile& file) {
  TrainingProgress progress;
  for_each_field(progress, [&](const char* name, auto& field) {
    const auto entry = file.metadata().find(std::string(kStatePrefix) + name);
    if (entry == file.metadata().end() || !parse_field(entry->second, field))
      throw FileError(fmt::format("{}: has no valid entry '{}{}'; it is no training state",
                                  file.path().string(), kStatePrefix, name));
  });
  return progress;
}

void check_options(const Metadata& begun_with, const Metadata& now,
                   const std::filesystem::path& path) {
  std::string differences;
  const auto note = [&](const std::string& name, std::string_view then, std::string_view today) {
    differences +=
        fmt::format("{}{} was '{}', now '{}'", differences.empty() ? "" : ", ", name, then, today);
  };
  for (const auto& [name, value] : begun_with) {
    const auto found = now.find(name);
    if (found == now.end())
      note(name, value, "");
    else if (found->second != value)
      note(name, value, found->second);
  }
  for (const auto& [name, value] : now)
    if (!begun_with.contains(name)) note(name, "", value);
  require(differences.empty(), "{}: the run was begun with other options: {}; resume with the same",
          path.string(), differences);
}

// The file's tensors for `state`, in its order, turned into the graph's layout.
std::vector<Tensor> read_optimizer_state(const SafetensorsFile& file,
                                         const std::vector<NamedTensor>& state,
                                         const LayoutByName& layouts) {
  std::size_t stored = 0;
  for (const FileTensor& tensor : file.tensors())
    if (tensor.name.starts_with(kOptimizerPrefix)) ++stored;
  if (stored != state.size())
    throw FileError(
        fmt::format("{}: holds {} tensors of optimizer state, this optimizer has {}; "
                    "resume with the optimizer that the run was begun with",
                    file.path().string(), stored, state.size()));
  std::vector<Tensor> result;
  result.reserve(state.size());
  for (const auto& [name, tensor] : state) {
    const Tensor stored_value = file.read(kOptimizerPrefix + name);
    const WeightLayout layout = state_layout(layouts, name);
    if (stored_value.shape() != file_shape(tensor.shape(), layout) ||
        stored_value.dtype() != tensor.dtype())
      throw FileError(fmt::format("{}: optimizer state '{}' is {}, which does not fit the model",
                                  file.path().string(), name, stored_value.text()));
    result.push_back(from_file_layout(stored_value, layout));
  }
  return result;
}

}  // namespace

std::filesystem::path state_path(const std::filesystem::path& model_path) {
  std::filesystem::path result = model_path;
  return result.replace_extension(".state.safetensors");
}

void save_training_state(const std::filesystem::path& path, const Graph& model,
                         const Optimizer& optimizer, const TrainingProgress& progress,
                         const ModelInfo& info) {
  save_training_state(path, model, optimizer.state(), progress, info);
}

void save_training_state(const std::filesystem::path& path, const Graph& model,
                         const std::vector<NamedTensor>& state, const TrainingProgress& progress,
                         const ModelInfo& info) {
  std::vector<NamedTensor> tensors = weights_for_file(model);
  for (NamedTensor& tensor : tensors) tensor.name.insert(0, kModelPrefix);
  const LayoutByName layouts = parameter_layouts(model);
  for (const auto& [name, value] : state)
    tensors.push_back(
        {kOptimizerPrefix + name, to_file_layout(value.to(Device{}), state_layout(layouts, name))});
  Metadata metadata = to_metadata(info);
  for_each_field(progress, [&](const char* name, const auto& field) {
    metadata[std::string(kStatePrefix) + name] = field_text(field);
  });
  write_safetensors(path, tensors, metadata);
}

TrainingProgress load_training_state(const std::filesystem::path& path, const Graph& model,
                                     Optimizer& optimizer, const ModelInfo& info) {
  const TrainingProgress progress = load_training_state(path, model, optimizer.state(), info);
  optimizer.restore(progress.step);
  return progress;
}

TrainingProgress load_training_state(const std::filesystem::path& path, const Graph& model,
                                     const std::vector<NamedTensor>& state, const ModelInfo& info) {
  const SafetensorsFile file(path);
  const TrainingProgress progress = read_progress(file);
  check_options(from_metadata(file.metadata(), path.string()).options, info.options, path);
  const std::vector<Tensor> values = read_optimizer_state(file, state, parameter_layouts(model));
  load_weights(model, file, kModelPrefix);  // the last that can fail
  for (std::size_t i = 0; i < values.size(); ++i) state[i].value.assign(values[i]);
  return progress;
}

}  // namespace hush::nn
