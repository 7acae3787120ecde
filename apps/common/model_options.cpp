#include "apps/common/model_options.h"

#include <fmt/ranges.h>

#include "nn/models.h"

namespace hush::apps {
void ModelOptions::add_to(CLI::App& app) {
  app.add_option("--model", model,
                 fmt::format("one of {}; by default what the weights file names",
                             fmt::join(nn::model_names(), ", ")));
  add_activation_option(app, activation);
  app.add_option("--weights", weights,
                 "a safetensors file, ours or one with PyTorch's names, or a .pth of torch.save");
}

void add_activation_option(CLI::App& app, std::string& activation) {
  app.add_option("--act", activation,
                 "silu or relu in place of the other; by default what the model or its file has")
      ->check(CLI::IsMember({"silu", "relu"}));
}

nn::ModelInfo completed(nn::ModelInfo info, const nn::ModelInfo& fallback) {
  if (info.model.empty()) info.model = fallback.model;
  if (info.classes == 0) info.classes = fallback.classes;
  if (info.image.rank() == 0) info.image = fallback.image;
  if (info.dataset.empty()) info.dataset = fallback.dataset;
  if (info.class_names.empty()) info.class_names = fallback.class_names;
  if (info.mean.empty() || info.std.empty()) {
    info.mean = fallback.mean;
    info.std = fallback.std;
  }
  return info;
}

LoadedModel ModelOptions::load(const nn::ModelInfo& fallback) const {
  require(!weights.empty(), "which weights? give --weights FILE");
  const std::unique_ptr<nn::WeightFile> file = nn::open_weight_file(weights);
  nn::ModelInfo info = nn::from_metadata(file->metadata(), weights);
  require(model.empty() || info.model.empty() || info.model == model,
          "{} holds a {}, not a {}; leave --model out", weights, info.model, model);
  if (info.model.empty()) info.model = model;
  if (!activation.empty()) info.activation = activation;
  info = completed(std::move(info), fallback);
  require(!info.model.empty(), "{} does not say which network it is for; give --model (one of {})",
          weights, fmt::join(nn::model_names(), ", "));
  require(info.classes > 0 && info.image.rank() == 4,
          "{} does not say how many classes and which images it is for; give --dataset", weights);
  Graph graph = nn::make_network(info);
  nn::load_weights(graph, *file);
  return {std::move(graph), std::move(info)};
}

}  // namespace hush::apps
