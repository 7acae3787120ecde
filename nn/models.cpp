#include "nn/models.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "nn/efficientnet.h"
#include "nn/resnet.h"

namespace hush::nn {
namespace {

struct Model {
  std::string_view name;
  std::string_view description;
  Graph (*make)(int classes, const Shape& image, std::uint64_t seed);
};

template <int kBlocks>
Graph make_cifar_resnet(int classes, const Shape& image, std::uint64_t seed) {
  return cifar_resnet(kBlocks, classes, image, seed);
}

Graph make_wide_resnet_22_8(int classes, const Shape& image, std::uint64_t seed) {
  return wide_resnet(3, 8, classes, image, seed);
}

Graph make_resnet18_imagenet(int classes, const Shape& image, std::uint64_t seed) {
  return imagenet_resnet({2, 2, 2, 2}, classes, image, seed);
}

Graph make_resnet34_imagenet(int classes, const Shape& image, std::uint64_t seed) {
  return imagenet_resnet({3, 4, 6, 3}, classes, image, seed);
}

template <int kVariant>
Graph make_efficientnet(int classes, const Shape& image, std::uint64_t seed) {
  return efficientnet(kVariant, classes, image, seed);
}

constexpr std::array kModels{
    Model{"resnet8", "CIFAR ResNet of one block a stage, for quick runs", make_cifar_resnet<1>},
    Model{"resnet20", "CIFAR ResNet, shortcut option A", make_cifar_resnet<3>},
    Model{"resnet32", "CIFAR ResNet, shortcut option A", make_cifar_resnet<5>},
    Model{"resnet44", "CIFAR ResNet, shortcut option A", make_cifar_resnet<7>},
    Model{"resnet56", "CIFAR ResNet, shortcut option A", make_cifar_resnet<9>},
    Model{"resnet18", "ResNet-18 with 3x3 stem, no stem ReLU, no max pool", resnet18},
    Model{"wrn-22-8", "WideResNet-22-8, pre-activation, no final ReLU", make_wide_resnet_22_8},
    Model{"resnet18-imagenet", "torchvision's resnet18: 7x7 stem, max pool",
          make_resnet18_imagenet},
    Model{"resnet34-imagenet", "torchvision's resnet34: 7x7 stem, max pool",
          make_resnet34_imagenet},
    Model{"efficientnet-b0", "torchvision's efficientnet_b0, SiLU", make_efficientnet<0>},
    Model{"efficientnet-b1", "torchvision's efficientnet_b1, SiLU", make_efficientnet<1>},
    Model{"efficientnet-b2", "torchvision's efficientnet_b2, SiLU", make_efficientnet<2>},
};

const Model& find_model(std::string_view name) {
  const auto* model = std::ranges::find(kModels, name, &Model::name);
  require(model != kModels.end(), "no model '{}'; there are {}", name,
          fmt::join(model_names(), ", "));
  return *model;
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  names.reserve(kModels.size());
  for (const Model& model : kModels) names.emplace_back(model.name);
  return names;
}

std::string model_description(std::string_view name) {
  return std::string(find_model(name).description);
}

Graph make_model(std::string_view name, int classes, const Shape& image, std::uint64_t seed) {
  require(classes > 0, "model {}: {} classes", name, classes);
  return find_model(name).make(classes, image, seed);
}

}  // namespace hush::nn
