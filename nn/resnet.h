// Residual networks, in the forms used for small images and for ImageNet.
#pragma once

#include <array>
#include <cstdint>

#include "core/graph.h"

namespace hush::nn {

// CIFAR ResNet of 6·blocks + 2 layers: 3×3 stem, three stages of 16, 32, 64 channels, shortcuts
// without parameters (option A). He et al., "Deep Residual Learning for Image Recognition", CVPR
// 2016, section 4.2. Names as in Y. Idelbayev's pytorch_resnet_cifar10: conv1, bn1,
// layer1.0.conv1, …, linear.
Graph cifar_resnet(int blocks, int classes, const Shape& image, std::uint64_t seed);

// ResNet-18 for small images: 3×3 stem of stride 1 without ReLU or max pool, four stages of two
// blocks with 64, 128, 256, 512 channels, 1×1 convolutions as shortcuts (option B). Leaving out
// the stem's ReLU is customary in private inference (SNL, DeepReDuce, AutoReP). torchvision's
// names: conv1, bn1, layer1.0.conv1, …, layer2.0.downsample.0, …, fc.
Graph resnet18(int classes, const Shape& image, std::uint64_t seed);

// ResNet-18 ({2, 2, 2, 2} blocks) or ResNet-34 ({3, 4, 6, 3}) in its original form for ImageNet:
// 7×7 stem of stride 2 with ReLU, 3×3 max pool of stride 2. torchvision's resnet18 and resnet34.
Graph imagenet_resnet(std::array<int, 4> blocks, int classes, const Shape& image,
                      std::uint64_t seed);

// Pre-activation wide residual network of 6·blocks + 4 layers and `width` times the channels of
// cifar_resnet. Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016; without the ReLU
// after the last batch norm, as SNL and AutoReP have it. Names as in their code and in X. Zhang's
// WideResNet-pytorch, from which it comes: conv1, block1.layer.0.bn1, …conv1, …bn2, …conv2,
// …convShortcut, bn1, fc.
Graph wide_resnet(int blocks, int width, int classes, const Shape& image, std::uint64_t seed);

}  // namespace hush::nn
