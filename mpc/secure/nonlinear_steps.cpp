#include "mpc/secure/nonlinear_steps.h"

#include <algorithm>
#include <cmath>

#include "core/backend.h"
#include "mpc/online/maximum.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/sigmoid.h"

namespace hush::mpc {
namespace {

// The pixels of a window of `kernel` from `first`, kept inside of `extent`.
std::vector<std::int64_t> inside(std::int64_t first, std::int64_t kernel, std::int64_t extent) {
  std::vector<std::int64_t> pixels;
  for (std::int64_t i = first; i < first + kernel; ++i)
    pixels.push_back(std::clamp(i, std::max<std::int64_t>(first, 0), extent - 1));
  return pixels;
}

}  // namespace

MaxPoolStep::MaxPoolStep(std::string name, int input, int output, PoolOptions pool,
                         ReluOptions relu, Shape x, Shape y)
    : Step(std::move(name), {input}, output), pool_(pool), relu_(relu), x_(x), y_(y) {
  const bool whole = pool.kernel == 0;
  const std::int64_t rows = whole ? x[1] : pool.kernel, columns = whole ? x[2] : pool.kernel;
  columns_ = std::size_t(rows * columns);
  const std::int64_t out_rows = whole ? 1 : y[1], out_columns = whole ? 1 : y[2];
  for (std::int64_t oy = 0; oy < out_rows; ++oy)
    for (std::int64_t ox = 0; ox < out_columns; ++ox)
      for (std::int64_t c = 0; c < x[3]; ++c)
        for (const std::int64_t iy : inside(oy * pool.stride - pool.padding, rows, x[1]))
          for (const std::int64_t ix : inside(ox * pool.stride - pool.padding, columns, x[2]))
            places_.push_back(std::uint32_t((iy * x[2] + ix) * x[3] + c));
}

std::size_t MaxPoolStep::windows(std::int64_t batch) const {
  return std::size_t(y_.elements() * batch);
}

std::string MaxPoolStep::text() const {
  return fmt::format("max_pool {} kernel {} stride {} padding {} {} width {}", x_.text(),
                     pool_.kernel, pool_.stride, pool_.padding, name_of(relu_.method), relu_.width);
}

void MaxPoolStep::demand(Demand& demand, std::int64_t batch) const {
  demand_maximum(demand, relu_, windows(batch), columns_);
}

Cost MaxPoolStep::cost(std::int64_t batch) const {
  return predict_maximum(relu_, windows(batch), columns_);
}

Conversation MaxPoolStep::run(Party& party, StepArguments arguments) const {
  const auto x = arguments.inputs[0].words();
  const auto image = std::size_t(x_.elements());
  RingBuffer words(windows(std::int64_t(x.size() / image)) * columns_);
  std::size_t next = 0;
  for (std::size_t first = 0; first < x.size(); first += image)
    for (const std::uint32_t place : places_) words[next++] = x[first + place];
  co_await maximum(party, relu_, columns_, words, arguments.output.words());
}

std::string SigmoidStep::text() const {
  return fmt::format("sigmoid {} {} width {} fraction {}", x_.text(), name_of(relu_.method),
                     relu_.width, fraction_bits_);
}

void SigmoidStep::demand(Demand& demand, std::int64_t batch) const {
  demand_sigmoid(demand, relu_, fraction_bits_, std::size_t(x_.elements() * batch));
}

Cost SigmoidStep::cost(std::int64_t batch) const {
  return predict_sigmoid(relu_, std::size_t(x_.elements() * batch));
}

Conversation SigmoidStep::run(Party& party, StepArguments arguments) const {
  const auto x = std::span<const Ring>(arguments.inputs[0].words());
  co_await sigmoid(party, relu_, fraction_bits_, x, arguments.output.words());
}

Tensor MaxPoolStep::run_clear(const ClearArguments& arguments) const {
  const auto x = arguments.inputs[0].values<float>();
  const auto image = std::size_t(x_.elements());
  const auto images = std::int64_t(x.size() / image);
  Tensor result = Tensor::empty(y_.with(0, images), DType::float32);
  std::size_t next = 0;
  for (std::size_t first = 0; first < x.size(); first += image)
    for (std::size_t i = 0; i < places_.size(); i += columns_) {
      float largest = x[first + places_[i]];
      for (std::size_t k = 1; k < columns_; ++k)
        largest = std::max(largest, x[first + places_[i + k]]);
      result.values<float>()[next++] = largest;
    }
  return result;
}

// Differences of two values are compared.
double MaxPoolStep::limit(int scale) const {
  return std::ldexp(1.0, int(relu_.width) - 2 - scale);
}

Tensor SigmoidStep::run_clear(const ClearArguments& arguments) const {
  Tensor y = Tensor::empty(arguments.inputs[0].shape(), DType::float32);
  backend({}).map(Unary::sigmoid, arguments.inputs[0], y);
  return y;
}

// The argument is compared after its bounds have been subtracted.
double SigmoidStep::limit(int scale) const {
  return std::ldexp(1.0, int(relu_.width) - 2 - scale);
}

}  // namespace hush::mpc
