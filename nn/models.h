// The networks that Hush knows by name.
//
// Adding one is a function that builds it and a row in the table of models.cpp. Parameters carry
// the names of the PyTorch state dicts that are in circulation, so that those files load as they
// are (see checkpoint.h for the spellings that are taken for each other).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph.h"

namespace hush::nn {

// "resnet8", "resnet20", …, in the order of the help text.
std::vector<std::string> model_names();

// What the model is, in one line, for help texts. Throws as make_model does.
std::string model_description(std::string_view name);

// The network with freshly initialised parameters, from images [N, H, W, C] to logits
// [N, classes]; `image` is [1, H, W, C]. Throws ArgumentError, listing the names there are, for
// an unknown one.
Graph make_model(std::string_view name, int classes, const Shape& image, std::uint64_t seed);

}  // namespace hush::nn
