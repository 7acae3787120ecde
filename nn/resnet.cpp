#include "nn/resnet.h"

#include "nn/layers.h"

namespace hush::nn {
namespace {

// How a residual block brings its input to the shape of its output.
enum class Shortcut { subsample, convolution };

// conv, norm, ReLU, conv, norm, plus the shortcut, ReLU.
NodeId basic_block(NetworkBuilder& net, const std::string& scope, NodeId x, int channels,
                   int stride, Shortcut shortcut) {
  NodeId y = net.convolution(scope + ".conv1", x, {.channels = channels, .stride = stride});
  y = net.batch_norm(scope + ".bn1", y);
  y = net.relu(scope + ".relu1", y);
  y = net.convolution(scope + ".conv2", y, {.channels = channels});
  y = net.batch_norm(scope + ".bn2", y);
  if (stride != 1 || net.channels(x) != channels) {
    if (shortcut == Shortcut::subsample) {
      x = net.subsample_pad(scope + ".shortcut", x, stride, channels);
    } else {
      x = net.convolution(scope + ".downsample.0", x,
                          {.channels = channels, .kernel = 1, .stride = stride});
      x = net.batch_norm(scope + ".downsample.1", x);
    }
  }
  return net.relu(scope + ".relu2", net.add(scope + ".add", y, x));
}

NodeId stage(NetworkBuilder& net, const std::string& scope, NodeId x, int blocks, int channels,
             int stride, Shortcut shortcut) {
  for (int i = 0; i < blocks; ++i)
    x = basic_block(net, scope + '.' + std::to_string(i), x, channels, i == 0 ? stride : 1,
                    shortcut);
  return x;
}

// norm, ReLU, conv, norm, ReLU, conv, plus the shortcut. Where the shape changes, the shortcut
// starts from the activated input.
NodeId pre_activation_block(NetworkBuilder& net, const std::string& scope, NodeId x, int channels,
                            int stride) {
  const NodeId active = net.relu(scope + ".relu1", net.batch_norm(scope + ".bn1", x));
  NodeId y = net.convolution(scope + ".conv1", active, {.channels = channels, .stride = stride});
  y = net.relu(scope + ".relu2", net.batch_norm(scope + ".bn2", y));
  y = net.convolution(scope + ".conv2", y, {.channels = channels});
  if (net.channels(x) != channels)
    x = net.convolution(scope + ".convShortcut", active,
                        {.channels = channels, .kernel = 1, .stride = stride});
  return net.add(scope + ".add", x, y);
}

Graph with_classifier(NetworkBuilder net, const std::string& scope, NodeId x, int classes) {
  x = net.global_average_pool("avgpool", x);
  x = net.linear(scope, x, classes);
  return std::move(net).finish(x);
}

}  // namespace

Graph cifar_resnet(int blocks, int classes, const Shape& image, std::uint64_t seed) {
  NetworkBuilder net(image, seed);
  NodeId x = net.convolution("conv1", net.images(), {.channels = 16});
  x = net.relu("relu", net.batch_norm("bn1", x));
  x = stage(net, "layer1", x, blocks, 16, 1, Shortcut::subsample);
  x = stage(net, "layer2", x, blocks, 32, 2, Shortcut::subsample);
  x = stage(net, "layer3", x, blocks, 64, 2, Shortcut::subsample);
  return with_classifier(std::move(net), "linear", x, classes);
}

Graph resnet18(int classes, const Shape& image, std::uint64_t seed) {
  NetworkBuilder net(image, seed);
  NodeId x = net.convolution("conv1", net.images(), {.channels = 64});
  x = net.batch_norm("bn1", x);
  x = stage(net, "layer1", x, 2, 64, 1, Shortcut::convolution);
  x = stage(net, "layer2", x, 2, 128, 2, Shortcut::convolution);
  x = stage(net, "layer3", x, 2, 256, 2, Shortcut::convolution);
  x = stage(net, "layer4", x, 2, 512, 2, Shortcut::convolution);
  return with_classifier(std::move(net), "fc", x, classes);
}

Graph imagenet_resnet(std::array<int, 4> blocks, int classes, const Shape& image,
                      std::uint64_t seed) {
  NetworkBuilder net(image, seed);
  NodeId x = net.convolution("conv1", net.images(), {.channels = 64, .kernel = 7, .stride = 2});
  x = net.relu("relu", net.batch_norm("bn1", x));
  x = net.pool("maxpool", x, {.kind = PoolKind::max, .kernel = 3, .stride = 2, .padding = 1});
  for (int s = 0; s < 4; ++s)
    x = stage(net, "layer" + std::to_string(s + 1), x, blocks[std::size_t(s)], 64 << s,
              s == 0 ? 1 : 2, Shortcut::convolution);
  return with_classifier(std::move(net), "fc", x, classes);
}

Graph wide_resnet(int blocks, int width, int classes, const Shape& image, std::uint64_t seed) {
  NetworkBuilder net(image, seed);
  NodeId x = net.convolution("conv1", net.images(), {.channels = 16});
  for (int s = 0; s < 3; ++s)
    for (int i = 0; i < blocks; ++i)
      x = pre_activation_block(net, "block" + std::to_string(s + 1) + ".layer." + std::to_string(i),
                               x, (16 << s) * width, s > 0 && i == 0 ? 2 : 1);
  x = net.batch_norm("bn1", x);
  return with_classifier(std::move(net), "fc", x, classes);
}

}  // namespace hush::nn
