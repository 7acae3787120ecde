// Classifies images: ./apps/predict --weights FILE IMAGE…
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/json_lines.h"
#include "apps/common/model_options.h"
#include "core/autograd.h"
#include "core/passes.h"
#include "data/picture.h"

namespace hush::apps {
namespace {

struct Options {
  DatasetOptions dataset;
  ModelOptions model;
  DeviceOptions device;
  std::vector<std::string> files;
  int from_test = 0, top = 3;
  std::string sheet;
  bool pictures = false, json = false;
};

// An image to classify, with its label if that is known.
struct Subject {
  std::string name;
  data::Image image;
  int label = -1;
};

struct Prediction {
  std::vector<int> ranking;  // classes, most probable first
  std::vector<double> probabilities;
};

std::vector<Subject> subjects(const Options& o, const nn::ModelInfo& info) {
  std::vector<Subject> result;
  for (const std::string& file : o.files) {
    data::Image image = data::decode_image(file, int(info.image[-1]));
    const bool fits = image.height == info.image[1] && image.width == info.image[2];
    require(fits || info.image[1] == info.image[2],
            "{}: {}×{} pixels, the model takes {}×{}; resize it first", file, image.height,
            image.width, info.image[1], info.image[2]);
    if (!fits) image = data::fit_square(image, info.image[1]);
    result.push_back({file, std::move(image), -1});
  }
  if (o.from_test > 0) {
    DatasetOptions choice = o.dataset;
    if (choice.name.empty()) choice.name = info.dataset;
    const data::Dataset test = choice.load(data::Split::test);
    check_fits(info, test);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(o.from_test, test.count()); ++i)
      result.push_back({fmt::format("{} test image {}", test.name, i), data::image_of(test, i),
                        test.labels[std::size_t(i)]});
  }
  return result;
}

Tensor batch_of(const std::vector<Subject>& images, const nn::ModelInfo& info) {
  const data::Normalizer normalizer(info.mean, info.std);
  const Tensor batch =
      Tensor::empty(info.image.with(0, std::int64_t(images.size())), DType::float32);
  float* value = batch.data<float>();
  for (const Subject& subject : images) {
    std::int64_t at = 0;
    for (const std::uint8_t pixel : subject.image.pixels)
      *value++ = normalizer(at++ % info.image[-1], pixel);
  }
  return batch;
}

Prediction ranked(std::span<const float> logits) {
  Prediction result{std::vector<int>(logits.size()), std::vector<double>(logits.size())};
  const float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit - largest));
  for (std::size_t c = 0; c < logits.size(); ++c)
    result.probabilities[c] = std::exp(double(logits[c] - largest)) / sum;
  std::iota(result.ranking.begin(), result.ranking.end(), 0);
  std::ranges::stable_sort(result.ranking, [&](int a, int b) {
    return logits[std::size_t(a)] > logits[std::size_t(b)];
  });
  return result;
}

std::string class_name(const nn::ModelInfo& info, int index) {
  return std::size_t(index) < info.class_names.size() ? info.class_names[std::size_t(index)]
                                                      : fmt::format("class {}", index);
}

void print(const Options& o, const nn::ModelInfo& info, const Subject& subject,
           const Prediction& p) {
  Json line = {{"image", subject.name}, {"classes", Json::array()}};
  std::string text = fmt::format("{}:", subject.name);
  for (int i = 0; i < std::min<int>(o.top, int(p.ranking.size())); ++i) {
    const int c = p.ranking[std::size_t(i)];
    const double probability = p.probabilities[std::size_t(c)];
    text +=
        fmt::format("{} {} {:.1f} %", i == 0 ? "" : ",", class_name(info, c), 100 * probability);
    line["classes"].push_back({{"name", class_name(info, c)}, {"probability", probability}});
  }
  if (subject.label >= 0) {
    text += fmt::format("  ({}: {})", p.ranking[0] == subject.label ? "right" : "wrong",
                        class_name(info, subject.label));
    line["label"] = class_name(info, subject.label);
  }
  if (o.pictures && !o.json) fmt::print("{}", data::terminal_picture(subject.image, 40));
  fmt::print("{}\n", o.json ? line.dump() : text);
}

data::Tile tile(const nn::ModelInfo& info, const Subject& subject, const Prediction& p) {
  const int best = p.ranking[0];
  std::string caption =
      fmt::format("{}\n{:.0f} %", class_name(info, best), 100 * p.probabilities[std::size_t(best)]);
  data::Colour colour = data::kNeutralColour;
  if (subject.label >= 0) {
    colour = best == subject.label ? data::kRightColour : data::kWrongColour;
    if (best != subject.label) caption += "\nis " + class_name(info, subject.label);
  }
  return {subject.image, caption, colour};
}

int predict(const Options& o) {
  require(!o.files.empty() || o.from_test > 0,
          "which images? name files, or take test images with --from-test N");
  const Device device = o.device.apply();
  // What the file does not say of its images and classes, its dataset does.
  nn::ModelInfo fallback;
  if (!o.dataset.name.empty()) fallback = info_of(o.dataset.load(data::Split::test));
  const LoadedModel model = o.model.load(fallback);
  const nn::ModelInfo& info = model.info;
  require(info.mean.size() == std::size_t(info.image[-1]),
          "{} does not say which mean and deviation its images had; give --dataset",
          o.model.weights);
  const std::vector<Subject> images = subjects(o, info);
  const Graph graph = fold_for_inference(model.graph.copied_to(device));
  const std::array inputs{batch_of(images, info).to(device)};
  const Tensor logits = evaluate(graph, inputs).to(Device{});
  std::vector<data::Tile> tiles;
  const auto classes = std::size_t(info.classes);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Prediction p = ranked(logits.values<float>().subspan(i * classes, classes));
    print(o, info, images[i], p);
    tiles.push_back(tile(info, images[i], p));
  }
  if (!o.sheet.empty()) {
    data::write_contact_sheet(o.sheet, tiles);
    if (!o.json) fmt::print("wrote {}\n", o.sheet);
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("Names what is on images, with probabilities.");
  Options o;
  app.add_option("images", o.files, "image files: PNG, JPEG, BMP, GIF, PNM, TGA");
  app.add_option("--from-test", o.from_test, "the first N test images of the model's dataset")
      ->check(CLI::Range(1, 10000));
  app.add_option("--top", o.top, "how many classes to name")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--sheet", o.sheet, "write the images with their classes to this PNG file");
  app.add_flag("--pictures", o.pictures, "show the images in the terminal (24-bit colours)");
  app.add_flag("--json", o.json, "one JSON object per image");
  o.model.add_to(app);
  o.dataset.add_to(app);
  o.device.add_to(app);
  if (!parse(app, argc, argv)) return 0;
  return predict(o);
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("predict", [&] { return hush::apps::run(argc, argv); });
}
