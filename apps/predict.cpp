// Classifies images: ./apps/predict --weights FILE IMAGE…
#include <array>

#include "apps/common/classification.h"
#include "apps/common/command_line.h"
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

void print(const Options& o, const nn::ModelInfo& info, const Subject& subject,
           const Prediction& p) {
  if (o.pictures && !o.json) fmt::print("{}", data::terminal_picture(subject.image, 40));
  fmt::print("{}\n", o.json ? prediction_json(info, subject, p, o.top).dump()
                            : prediction_text(info, subject, p, o.top));
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
  const std::vector<Subject> images = read_subjects(o.files, o.from_test, o.dataset, info);
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
