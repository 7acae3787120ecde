// What a client must know of a model to ask and to understand the answer; servers send it.
#pragma once

#include "nn/checkpoint.h"

namespace hush::apps {

struct ModelCard {
  std::string name;
  nn::ModelInfo info;   // image, classes, normalisation, names of classes
  int image_bits = 16;  // fraction bits of images, and of results
  int result_bits = 16;
  double result_factor = 1;  // of decoded results
  int most_images = 16;      // per request
  std::string identity;      // of the model's split into shares, in hexadecimal

  // JSON. parse() believes nothing: throws FileError for what is not such a card, or unusable.
  std::string text() const;
  static ModelCard parse(const std::string& text);
};

}  // namespace hush::apps
