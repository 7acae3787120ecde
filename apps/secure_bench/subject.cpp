#include "apps/secure_bench/subject.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <random>

#include "core/autograd.h"
#include "core/passes.h"
#include "nn/activation.h"
#include "nn/models.h"
#include "nn/replacement.h"

namespace hush::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPaperBudget = 12'900;  // AutoReP, Table 4
constexpr const char* kUntrained = "resnet18";

// The newest model file of runs/ whose ReLUs were replaced; empty if there is none.
fs::path newest_replaced() {
  fs::path newest;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator("runs", missing)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || !name.ends_with(".safetensors") ||
        name.ends_with(".state.safetensors"))
      continue;
    try {
      const auto info = nn::from_metadata(nn::SafetensorsFile(entry.path()).metadata(), name);
      if (info.replacement.empty()) continue;
    } catch (const FileError&) {
      continue;  // half a download, or somebody else's file
    }
    if (newest.empty() || entry.last_write_time() > fs::last_write_time(newest))
      newest = entry.path();
  }
  return newest;
}

// The file that --model means; empty for an untrained network.
fs::path model_file(const std::string& model) {
  if (model.empty()) return newest_replaced();
  if (fs::is_regular_file(model)) return model;
  const auto names = nn::model_names();
  require(std::ranges::find(names, model) != names.end(),
          "--model {}: there is no such file, nor such a network (one of {})", model,
          fmt::join(names, ", "));
  return {};
}

// Test images in their order, normalised for the network.
void take_images(const data::Dataset& dataset, const SubjectOptions& options, Subject& subject) {
  require(options.first < dataset.count(), "--first {}: {} has {} test images", options.first,
          dataset.name, dataset.count());
  const std::int64_t count = std::min(options.images, dataset.count() - options.first);
  data::LoaderOptions loader;
  loader.batch_size = options.first + count;
  loader.mean = subject.info.mean;
  loader.std = subject.info.std;
  loader.threads = 0;  // the process will fork
  data::DataLoader batches(dataset, loader);
  batches.start_epoch(0);
  const auto batch = batches.next();
  subject.images = batch->images.rows(options.first, count);
  const auto labels = batch->labels.values<std::int32_t>().subspan(std::size_t(options.first));
  subject.labels.assign(labels.begin(), labels.end());
  subject.pictures = dataset.name + " test images";
  subject.first = options.first;
}

void take_noise(std::int64_t count, Subject& subject) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  subject.images = Tensor::empty(subject.info.image.with(0, count), DType::float32);
  for (float& value : subject.images.values<float>()) value = normal(random);
  subject.pictures = "noise images (the dataset is not at hand)";
}

// Running statistics of batch norms and activations become those of the images.
void settle_statistics(const Subject& subject) {
  const std::int64_t rows = std::min<std::int64_t>(subject.images.shape()[0], 4);
  for (std::uint64_t step = 0; step < 20; ++step) {
    const std::int64_t parts = subject.images.shape()[0] / rows;
    const Tensor images = subject.images.rows(std::int64_t(step) % parts * rows, rows);
    evaluate(subject.graph, std::vector<Tensor>{images},
             {.training = true, .seed = 1, .step = step});
  }
}

// Leaves `budget` ReLUs, drawn from all layers alike, and DaPa's polynomials for the others.
void replace_at_random(Subject& subject, std::int64_t budget) {
  const auto layers = nn::gated_layers(subject.graph);
  std::vector<float*> gates;
  for (const nn::GatedLayer& layer : layers)
    for (float& gate : subject.graph[layer.gate].value.values<float>()) gates.push_back(&gate);
  std::mt19937_64 random(1);
  std::ranges::shuffle(gates, random);
  for (std::size_t i = 0; i < gates.size(); ++i) *gates[i] = i < std::size_t(budget) ? 1.0f : 0.0f;
  nn::refresh_coefficients(subject.graph, layers, {});
}

void make_untrained(const SubjectOptions& options, Subject& subject) {
  nn::ModelInfo& info = subject.info;
  if (info.classes == 0) info.classes = 10;
  if (info.image.rank() == 0) info.image = {1, 32, 32, 3};
  info.model = options.model.empty() ? kUntrained : options.model;
  info.activation = options.activation;
  subject.graph = nn::make_network(info, 1);
  if (options.activation.empty() && subject.graph.count().relus == 0)
    subject.graph = nn::with_activation(subject.graph, info.activation = "relu");
  const std::int64_t all = subject.graph.count().relus;
  const std::int64_t budget = std::min(all, options.budget < 0 ? kPaperBudget : options.budget);
  if (!subject.images.defined()) take_noise(options.images, subject);
  const bool replaced = all > 0;  // not with SiLU
  require(replaced || options.budget < 0, "--budget: a network with --act silu has no ReLUs");
  if (replaced) subject.graph = nn::replace_relus(subject.graph, false);
  settle_statistics(subject);
  if (replaced) replace_at_random(subject, budget);
  subject.origin = "untrained: its answers mean nothing, its times do";
  subject.labels.clear();
}

}  // namespace

Subject make_subject(const SubjectOptions& options) {
  Subject subject;
  const fs::path file = model_file(options.model);
  require(options.budget < 0 || file.empty(),
          "--budget is for an untrained network; {} has its ReLUs chosen", file.string());
  DatasetOptions source = options.dataset;
  if (source.name.empty() && !file.empty())
    source.name = nn::from_metadata(nn::open_weight_file(file)->metadata(), file.string()).dataset;
  if (source.name.empty()) source.name = "cifar10";
  std::optional<data::Dataset> dataset;
  try {
    dataset = source.load(data::Split::test);
  } catch (const Error&) {
    if (!file.empty()) throw;  // whoever has a model wants to see it right
  }
  if (dataset) subject.info = info_of(*dataset);
  if (file.empty()) {
    if (dataset) take_images(*dataset, options, subject);
    make_untrained(options, subject);
  } else {
    ModelOptions model;
    model.weights = file.string();
    model.activation = options.activation;
    LoadedModel loaded = model.load(subject.info);
    check_fits(loaded.info, *dataset);
    subject.graph = std::move(loaded.graph);
    subject.info = std::move(loaded.info);
    subject.origin = file.string();
    take_images(*dataset, options, subject);
  }
  const Graph folded = fold_for_inference(subject.graph);
  const std::int64_t count = subject.images.shape()[0], portion = 100;
  subject.logits = Tensor::empty({count, subject.info.classes}, DType::float32);
  for (std::int64_t first = 0; first < count; first += portion) {
    const std::int64_t rows = std::min(portion, count - first);
    subject.logits.rows(first, rows)
        .assign(evaluate(folded, std::vector<Tensor>{subject.images.rows(first, rows)}));
  }
  return subject;
}

}  // namespace hush::apps
