// Images to classify, and what a network says of them; for the programs that name images.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/common/dataset_options.h"
#include "data/image.h"

namespace hush::apps {

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

// The files, resized to what the network takes, and the first `from_test` test images of the
// dataset (that of `info` if none is chosen). Throws FileError and ArgumentError.
std::vector<Subject> read_subjects(const std::vector<std::string>& files, int from_test,
                                   const DatasetOptions& dataset, const nn::ModelInfo& info);

// float32 [N, H, W, C], normalised as the network was trained.
Tensor batch_of(std::span<const Subject> images, const nn::ModelInfo& info);

// Softmax of one image's logits, and the order of its classes.
Prediction ranked(std::span<const float> logits);

// The name of a class if it is known, else "class 7".
std::string class_name(const nn::ModelInfo& info, int index);

// "photo.png: Pullover 99.2 %, Shirt 0.6 %  (right: Pullover)", with the `top` most probable
// classes; and the same as a JSON object.
std::string prediction_text(const nn::ModelInfo& info, const Subject& subject, const Prediction& p,
                            int top);
Json prediction_json(const nn::ModelInfo& info, const Subject& subject, const Prediction& p,
                     int top);

}  // namespace hush::apps
