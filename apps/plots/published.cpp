#include "apps/plots/published.h"

#include <array>

namespace hush::apps {
namespace {

constexpr std::array kPoints{
    PublishedPoint{"cifar10", "AutoReP, ResNet-18", 12.9, 94.31},
    PublishedPoint{"cifar10", "AutoReP degree 1, ResNet-18", 12.9, 90.05},
    PublishedPoint{"cifar10", "all ReLUs, ResNet-18", 491.52, 95.55},
    PublishedPoint{"cifar10", "all ReLUs, WRN-22-8", 1359.872, 96.29},
    PublishedPoint{"cifar100", "AutoReP, ResNet-18", 6, 73.79},
    PublishedPoint{"cifar100", "AutoReP, ResNet-18", 12.9, 74.92},
    PublishedPoint{"cifar100", "AutoReP, ResNet-18", 50, 75.48},
    PublishedPoint{"cifar100", "AutoReP, WRN-22-8", 120, 77.56},
    PublishedPoint{"cifar100", "AutoReP, WRN-22-8", 150, 78.38},
    PublishedPoint{"cifar100", "AutoReP, WRN-22-8", 180, 78.23},
    PublishedPoint{"cifar100", "SNL", 12.9, 66.53},
    PublishedPoint{"cifar100", "SNL", 49.9, 73.75},
    PublishedPoint{"cifar100", "SNL", 120, 76.35},
    PublishedPoint{"cifar100", "SNL", 180, 77.65},
    PublishedPoint{"cifar100", "DeepReDuce", 12.3, 64.97},
    PublishedPoint{"cifar100", "DeepReDuce", 49.2, 69.5},
    PublishedPoint{"cifar100", "DeepReDuce", 229.4, 76.22},
    PublishedPoint{"cifar100", "Sphynx", 25.6, 66.13},
    PublishedPoint{"cifar100", "Sphynx", 51.2, 69.57},
    PublishedPoint{"cifar100", "Sphynx", 230, 74.93},
    PublishedPoint{"cifar100", "CryptoNAS", 100, 68.5},
    PublishedPoint{"cifar100", "CryptoNAS", 344, 76.0},
    PublishedPoint{"tiny-imagenet", "AutoReP, ResNet-18", 30, 62.77},
    PublishedPoint{"tiny-imagenet", "AutoReP, ResNet-18", 55, 63.69},
    PublishedPoint{"tiny-imagenet", "AutoReP, ResNet-18", 190, 64.32},
    PublishedPoint{"tiny-imagenet", "AutoReP, ResNet-18", 290, 64.74},
    PublishedPoint{"tiny-imagenet", "AutoReP, WRN-22-8", 300, 67.04},
    PublishedPoint{"tiny-imagenet", "SNL", 59.1, 54.24},
    PublishedPoint{"tiny-imagenet", "SNL", 99.6, 58.94},
    PublishedPoint{"tiny-imagenet", "SNL", 393.2, 61.65},
    PublishedPoint{"tiny-imagenet", "SNL", 488.8, 64.42},
    PublishedPoint{"tiny-imagenet", "DeepReDuce", 57.35, 53.75},
    PublishedPoint{"tiny-imagenet", "DeepReDuce", 196.6, 57.51},
    PublishedPoint{"tiny-imagenet", "DeepReDuce", 917.5, 64.66},
    PublishedPoint{"tiny-imagenet", "Sphynx", 102.4, 48.44},
    PublishedPoint{"tiny-imagenet", "Sphynx", 204.8, 53.51},
    PublishedPoint{"tiny-imagenet", "Sphynx", 614.4, 60.76},
};

}  // namespace

std::span<const PublishedPoint> published_points() {
  return kPoints;
}

}  // namespace hush::apps
