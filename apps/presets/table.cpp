// The rows of AutoReP's Tables 3 to 5, and the recipes that they share.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "apps/presets/presets.h"

namespace hush::apps {
namespace {

// Section 4.1 of the paper; 400 epochs.
constexpr std::string_view kPretraining =
    "--epochs 400 --optimizer sgd --lr 0.1 --momentum 0.9 --weight-decay 5e-4 --schedule cosine "
    "--batch 128";
// Section 4.1: Adam for both, cosine, and the default hysteresis of section 3.3.
constexpr std::string_view kReplacement =
    "--method autorep --lr 0.0001 --indicator-lr 0.001 --th 0.003 --batch 128";

// What the rows of one network share. --mu is the published code's lambda where it names one
// for that network and dataset, or else that of the nearest.
struct Network {
  std::string_view name, data_and_model, replacement;
  double accuracy, latency;  // with all of its ReLUs
};
constexpr std::array kNetworks{
    Network{"cifar10-resnet18", "--dataset cifar10 --model resnet18", "--epochs 150 --mu 140",
            95.55, 1.234},
    Network{"cifar10-wrn-22-8", "--dataset cifar10 --model wrn-22-8", "--epochs 150 --mu 80", 96.29,
            3.219},
    Network{"cifar100-resnet18", "--dataset cifar100 --model resnet18", "--epochs 150 --mu 140",
            77.8, 1.242},
    Network{"cifar100-wrn-22-8", "--dataset cifar100 --model wrn-22-8", "--epochs 150 --mu 80",
            80.2, 3.230},
    Network{"tiny-imagenet-resnet18", "--dataset tiny-imagenet --model resnet18",
            "--epochs 150 --mu 140", 65.48, 3.219},
    Network{"tiny-imagenet-wrn-22-8", "--dataset tiny-imagenet --model wrn-22-8",
            "--epochs 150 --mu 240", 66.77, 7.978},
    Network{"imagenet-efficientnet-b2",
            "--dataset imagefolder --model efficientnet-b2 --image-size 224 --resize 256 --crop "
            "resized",
            "--epochs 20 --mu 140 --branch-scale 0.1", 78.158, 11.276},
};
// Published weights have SiLU; before its ReLUs are replaced a network must have them.
constexpr std::string_view kFromSilu =
    "--act relu --epochs 20 --optimizer adam --lr 0.0001 --weight-decay 0 --schedule cosine "
    "--batch 128";

struct Row {
  std::string_view network, budget;
  int relus;
  double accuracy, latency;
  std::string_view more{};
};
constexpr std::array kRows{
    Row{"cifar100-resnet18", "50k", 50000, 75.48, 0.252},
    Row{"cifar100-resnet18", "12.9k", 12900, 74.92, 0.170},
    Row{"cifar100-resnet18", "6k", 6000, 73.79, 0.155},
    Row{"cifar100-wrn-22-8", "180k", 180000, 78.23, 0.679},
    Row{"cifar100-wrn-22-8", "150k", 150000, 78.38, 0.614},
    Row{"cifar100-wrn-22-8", "120k", 120000, 77.56, 0.550},
    Row{"cifar10-resnet18", "12.9k", 12900, 94.31, 0},
    Row{"cifar10-resnet18", "12.9k-degree1", 12900, 90.05, 0, " --poly dapa1"},
    Row{"tiny-imagenet-resnet18", "290k", 290000, 64.74, 0.723},
    Row{"tiny-imagenet-resnet18", "190k", 190000, 64.32, 0.574},
    Row{"tiny-imagenet-resnet18", "55k", 55000, 63.69, 0.373},
    Row{"tiny-imagenet-resnet18", "30k", 30000, 62.77, 0.335},
    Row{"tiny-imagenet-wrn-22-8", "300k", 300000, 67.04, 1.094},
    Row{"imagenet-efficientnet-b2", "500k", 500000, 76.566, 1.945},
    Row{"imagenet-efficientnet-b2", "400k", 400000, 76.368, 0},
    Row{"imagenet-efficientnet-b2", "300k", 300000, 76.216, 0},
    Row{"imagenet-efficientnet-b2", "200k", 200000, 76.176, 0},
    Row{"imagenet-efficientnet-b2", "100k", 100000, 75.766, 0},
    Row{"imagenet-efficientnet-b2", "50k", 50000, 75.548, 1.439},
};

std::vector<Preset> make_presets() {
  std::vector<Preset> result;
  result.reserve(std::size(kNetworks) + std::size(kRows));
  for (const Network& n : kNetworks)
    result.push_back({fmt::format("paper/{}", n.name), "pretrain",
                      fmt::format("{} {}", n.data_and_model,
                                  n.name.starts_with("imagenet") ? kFromSilu : kPretraining),
                      n.accuracy, n.latency});
  for (const Row& row : kRows) {
    const Network& n = *std::ranges::find(kNetworks, row.network, &Network::name);
    result.push_back({fmt::format("paper/{}-{}", row.network, row.budget), "autorep",
                      fmt::format("{} {} {} --budget {}{}", n.data_and_model, n.replacement,
                                  kReplacement, row.relus, row.more),
                      row.accuracy, row.latency});
  }
  return result;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = make_presets();
  return all;
}

}  // namespace hush::apps
