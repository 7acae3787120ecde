#include "nn/efficientnet.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/layers.h"

namespace hush::nn {
namespace {

constexpr float kStochasticDepth = 0.2f;  // of the last block; rises linearly from 0

struct Variant {
  double width, depth;  // relative to B0
  float dropout;
};
constexpr std::array kVariants{Variant{1.0, 1.0, 0.2f}, Variant{1.0, 1.1, 0.2f},
                               Variant{1.1, 1.2, 0.3f}};

// A stage of B0; `channels` of its output.
struct Stage {
  int expansion, kernel, stride, channels, blocks;
};
constexpr std::array kStages{Stage{1, 3, 1, 16, 1}, Stage{6, 3, 2, 24, 2},  Stage{6, 5, 2, 40, 2},
                             Stage{6, 3, 2, 80, 3}, Stage{6, 5, 1, 112, 3}, Stage{6, 5, 2, 192, 4},
                             Stage{6, 3, 1, 320, 1}};
constexpr int kStemChannels = 32;

// The multiple of 8 nearest to `channels`, not less than nine tenths of it.
int rounded(double channels) {
  const int nearest = std::max(8, int(channels + 4) / 8 * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}

NodeId convolution_norm(NetworkBuilder& net, const std::string& scope, NodeId x,
                        const ConvLayer& layer) {
  return net.batch_norm(scope + ".1", net.convolution(scope + ".0", x, layer));
}

NodeId convolution_norm_silu(NetworkBuilder& net, const std::string& scope, NodeId x,
                             const ConvLayer& layer) {
  return net.map(scope + ".2", convolution_norm(net, scope, x, layer), Unary::silu);
}

// Widen by 1×1, filter each channel, gate, narrow by 1×1; plus the input where shapes agree.
NodeId inverted_residual(NetworkBuilder& net, const std::string& scope, NodeId x,
                         const Stage& stage, int channels, float drop_rate) {
  const auto in = int(net.channels(x));
  const int wide = rounded(in * stage.expansion);
  int part = 0;
  const auto next = [&] { return fmt::format("{}.block.{}", scope, part++); };
  NodeId y = x;
  if (wide != in) y = convolution_norm_silu(net, next(), y, {.channels = wide, .kernel = 1});
  y = convolution_norm_silu(
      net, next(), y,
      {.channels = wide, .kernel = stage.kernel, .stride = stage.stride, .groups = wide});
  y = net.squeeze_excitation(next(), y, std::max(1, in / 4), Unary::silu);
  y = convolution_norm(net, next(), y, {.channels = channels, .kernel = 1});
  if (stage.stride != 1 || in != channels) return y;
  y = net.dropout(scope + ".stochastic_depth", y, Dropout::Unit::image, drop_rate);
  return net.add(scope + ".add", y, x);
}

}  // namespace

Graph efficientnet(int variant, int classes, const Shape& image, std::uint64_t seed) {
  require(variant >= 0 && std::size_t(variant) < kVariants.size(), "no EfficientNet-B{}", variant);
  const auto [width, depth, dropout] = kVariants[std::size_t(variant)];
  const auto blocks = [depth = depth](const Stage& stage) {
    return int(std::ceil(stage.blocks * depth));
  };
  int total = 0;
  for (const Stage& stage : kStages) total += blocks(stage);

  NetworkBuilder net(image, seed);
  NodeId x = convolution_norm_silu(net, "features.0", net.images(),
                                   {.channels = rounded(kStemChannels * width), .stride = 2});
  int block = 0;
  for (std::size_t s = 0; s < kStages.size(); ++s) {
    Stage stage = kStages[s];
    const int count = blocks(stage);
    for (int i = 0; i < count; ++i, ++block) {
      x = inverted_residual(net, fmt::format("features.{}.{}", s + 1, i), x, stage,
                            rounded(stage.channels * width),
                            kStochasticDepth * float(block) / float(total));
      stage.stride = 1;
    }
  }
  x = convolution_norm_silu(net, "features.8", x,
                            {.channels = 4 * int(net.channels(x)), .kernel = 1});
  x = net.global_average_pool("avgpool", x);
  x = net.dropout("classifier.0", x, Dropout::Unit::element, dropout);
  x = net.linear("classifier.1", x, classes);
  return std::move(net).finish(x);
}

}  // namespace hush::nn
