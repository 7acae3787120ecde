#include "apps/common/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/augment.h"
#include "data/picture.h"

namespace hush::apps {

std::vector<Subject> read_subjects(const std::vector<std::string>& files, int from_test,
                                   const DatasetOptions& dataset, const nn::ModelInfo& info) {
  std::vector<Subject> result;
  for (const std::string& file : files) {
    data::Image image = data::decode_image(file, int(info.image[-1]));
    const bool fits = image.height == info.image[1] && image.width == info.image[2];
    require(fits || info.image[1] == info.image[2],
            "{}: {}×{} pixels, the model takes {}×{}; resize it first", file, image.height,
            image.width, info.image[1], info.image[2]);
    if (!fits) image = data::fit_square(image, info.image[1], dataset.images.resize);
    result.push_back({file, std::move(image), -1});
  }
  if (from_test > 0) {
    DatasetOptions choice = dataset;
    if (choice.name.empty()) choice.name = info.dataset;
    const data::Dataset test = choice.load(data::Split::test);
    check_fits(info, test);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(from_test, test.count()); ++i)
      result.push_back({fmt::format("{} test image {}", test.name, i), data::image_of(test, i),
                        test.labels[std::size_t(i)]});
  }
  return result;
}

Tensor batch_of(std::span<const Subject> images, const nn::ModelInfo& info) {
  const data::Normalizer normalizer(info.mean, info.std);
  Tensor batch = Tensor::empty(info.image.with(0, std::int64_t(images.size())), DType::float32);
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

std::string prediction_text(const nn::ModelInfo& info, const Subject& subject, const Prediction& p,
                            int top) {
  std::string text = fmt::format("{}:", subject.name);
  for (int i = 0; i < std::min<int>(top, int(p.ranking.size())); ++i) {
    const int c = p.ranking[std::size_t(i)];
    text += fmt::format("{} {} {:.1f} %", i == 0 ? "" : ",", class_name(info, c),
                        100 * p.probabilities[std::size_t(c)]);
  }
  if (subject.label >= 0)
    text += fmt::format("  ({}: {})", p.ranking[0] == subject.label ? "right" : "wrong",
                        class_name(info, subject.label));
  return text;
}

Json prediction_json(const nn::ModelInfo& info, const Subject& subject, const Prediction& p,
                     int top) {
  Json line = {{"image", subject.name}, {"classes", Json::array()}};
  for (int i = 0; i < std::min<int>(top, int(p.ranking.size())); ++i) {
    const int c = p.ranking[std::size_t(i)];
    line["classes"].push_back(
        {{"name", class_name(info, c)}, {"probability", p.probabilities[std::size_t(c)]}});
  }
  if (subject.label >= 0) line["label"] = class_name(info, subject.label);
  return line;
}

}  // namespace hush::apps
