#include "core/ops/dropout.h"

#include "core/backend.h"
#include "core/ops/checks.h"
#include "core/random.h"

namespace hush {
namespace {

// y = x times a mask, of x's shape or with one value for each image.
void apply_mask(const Tensor& x, const Tensor& mask, const Tensor& y) {
  Backend& device = backend(x.device());
  if (mask.shape() == x.shape()) {
    device.zip(Binary::multiply, x, mask, y);
    return;
  }
  // The kernel takes a factor per image and channel; the image is seen as one channel.
  const std::int64_t images = x.shape()[0], rest = images == 0 ? 0 : x.elements() / images;
  const Shape flat{images, rest, 1, 1};
  device.channel_multiply(x.reshaped(flat), mask.reshaped({images, 1}), y.reshaped(flat));
}

}  // namespace

Dropout::Dropout(Unit unit, float rate, std::uint32_t stream)
    : unit_(unit), rate_(rate), stream_(stream) {
  require(rate >= 0 && rate < 1, "{}: rate {}, expected 0 to below 1", name(), rate);
}

std::string Dropout::options_text() const {
  return fmt::format("rate {} stream {}", rate_, stream_);
}

Shape Dropout::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 1);
  require(inputs[0].rank() >= 1, "{}: input {} is not a batch", name(), inputs[0].text());
  return inputs[0];
}

Tensor Dropout::mask(const PassContext& context, const Tensor& x) const {
  const Tensor mask =
      Tensor::empty(unit_ == Unit::element ? x.shape() : Shape{x.shape()[0]}, DType::float32);
  // Steps take the high bits: a stream of this network is below 2^24, a run below 2^40 steps.
  RandomStream random(context.seed, RandomUse::dropout,
                      context.step << 24 | std::uint64_t(stream_ & 0xffffffu));
  // An image has its draws wherever it lies: those of the images before it are skipped.
  const std::int64_t images = x.shape()[0], each = images == 0 ? 0 : mask.elements() / images;
  random.skip(std::uint64_t(context.first_image * each));
  const float kept = 1 / (1 - rate_);
  for (float& factor : mask.values<float>()) factor = random.uniform() < rate_ ? 0 : kept;
  return mask.to(x.device());
}

Tensor Dropout::forward(const PassContext& context, std::span<const Tensor> inputs,
                        std::vector<Tensor>& saved) const {
  output_shape(shapes_of(inputs));
  if (!context.training || rate_ == 0) return inputs[0];
  saved = {mask(context, inputs[0])};
  Tensor y = reuse(inputs[0]);
  apply_mask(inputs[0], saved[0], y);
  return y;
}

std::vector<Tensor> Dropout::backward(const PassContext&,
                                      const BackwardArguments& arguments) const {
  const Tensor& dy = arguments.grad_output;
  if (!arguments.wanted[0]) return {Tensor()};
  if (arguments.saved.empty()) return {dy};
  Tensor dx = reuse(dy);
  apply_mask(dy, arguments.saved[0], dx);
  return {dx};
}

}  // namespace hush
