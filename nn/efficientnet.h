// EfficientNet B0 to B2.
#pragma once

#include <cstdint>

#include "core/graph.h"

namespace hush::nn {

// EfficientNet-B`variant`, 0 to 2, with SiLU: inverted residual blocks of depthwise convolutions
// with squeeze-excitation, stochastic depth rising to 0.2, dropout before the classifier. Tan and
// Le, "EfficientNet", ICML 2019, table 1 and section 4. torchvision's names and arithmetic:
// features.0.0, features.1.0.block.0.0, …block.1.fc1, …, features.8.1, classifier.1.
Graph efficientnet(int variant, int classes, const Shape& image, std::uint64_t seed);

}  // namespace hush::nn
