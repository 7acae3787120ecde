#include "mpc/secure/ranges.h"

#include <algorithm>
#include <cmath>

namespace hush::mpc {
namespace {

constexpr std::int64_t kImagesTogether = 8;

template <class F>
void for_each_step(const SecureNetwork& network, F f) {
  for (const Wave& wave : network.waves())
    for (const auto* steps : {&wave.local, &wave.interactive})
      for (const Step* step : *steps) f(*step);
}

void meet_all(StepRange& range, const Tensor& values) {
  for (const float value : values.values<float>()) range.meet(std::abs(double(value)));
}

}  // namespace

Tensor run_clear(const SecureNetwork& network, const Tensor& images,
                 const ClearObserver& observer) {
  require(images.shape().rank() == 4 && images.shape() == network.input_shape(images.shape()[0]),
          "ranges: images {} for a network that takes {}", images.shape().text(),
          network.input_shape(1).text());
  std::vector<Tensor> values(network.values().size());
  values[std::size_t(network.input())] = images;
  for_each_step(network, [&](const Step& step) {
    ClearArguments arguments;
    for (const int input : step.inputs()) arguments.inputs.push_back(values[std::size_t(input)]);
    arguments.input_scale = network.values()[std::size_t(step.inputs().front())].scale;
    arguments.output_scale = network.values()[std::size_t(step.output())].scale;
    if (const int product = network.product_index(step); product >= 0) {
      const PlainWeights& plain = network.plain_weights(std::size_t(product));
      arguments.weight = plain.weight;
      arguments.bias = plain.bias;
    }
    if (observer) observer(step, arguments.inputs.front());
    values[std::size_t(step.output())] = step.run_clear(arguments);
  });
  return values[std::size_t(network.output())];
}

RangeRecord::RangeRecord(const SecureNetwork& network) {
  for_each_step(network, [&](const Step& step) {
    const double limit = step.limit(network.values()[std::size_t(step.inputs().front())].scale);
    if (!std::isfinite(limit)) return;
    ranges_.push_back({.name = step.name(), .limit = limit});
    steps_.push_back(&step);
  });
  const int scale = network.values()[std::size_t(network.output())].scale;
  ranges_.push_back({.name = "logits", .limit = std::ldexp(1.0, 63 - scale)});
}

StepRange* RangeRecord::find(const Step& step) {
  const auto found = std::ranges::find(steps_, &step);
  return found == steps_.end() ? nullptr : &ranges_[std::size_t(found - steps_.begin())];
}

RangeRecord clear_ranges(const SecureNetwork& network, const Tensor& images) {
  RangeRecord record(network);
  const std::int64_t count = images.shape()[0];
  for (std::int64_t first = 0; first < count; first += kImagesTogether) {
    const Tensor some = images.rows(first, std::min(kImagesTogether, count - first));
    const Tensor logits = run_clear(network, some, [&](const Step& step, const Tensor& input) {
      if (StepRange* range = record.find(step)) meet_all(*range, input);
    });
    meet_all(record.logits(), logits);
  }
  return record;
}

int range_bits_for(const RangeRecord& record) {
  int bits = 4;
  for (const StepRange& range : record.ranges())
    while (bits <= 30 && !(range.largest < std::ldexp(1.0, bits))) ++bits;
  return bits;
}

}  // namespace hush::mpc
