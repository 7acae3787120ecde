#include "nn/replacement_methods.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/random.h"

namespace hush::nn {
namespace {

struct MethodName {
  ReplacementMethod method;
  std::string_view name;
};

constexpr std::array kNames{
    MethodName{ReplacementMethod::autorep, "autorep"}, MethodName{ReplacementMethod::snl, "snl"},
    MethodName{ReplacementMethod::bcd, "bcd"}, MethodName{ReplacementMethod::random, "random"},
    MethodName{ReplacementMethod::magnitude, "magnitude"}};

// The penalty's weight under a target that falls: it grows while the count lags behind and falls
// back to the given one once it is met. Adam divides by the gradient's size, so what counts is the
// penalty's size against the loss's own gradients; no fixed μ fits every polynomial and budget.
class Pressure {
 public:
  Pressure(double penalty, std::int64_t total) : penalty_(penalty / double(total)) {}

  // The penalty for this step: 0 where the count is within its target (Eq. 5).
  double update(std::int64_t open, std::int64_t target) {
    float& factor = factor_.values<float>()[0];
    const bool behind = double(open) > 1.02 * double(target);
    factor = std::clamp(factor * (behind ? kGrowth : 1 / kGrowth), 1.0f, kLimit);
    return open > target ? penalty_ * double(factor) : 0;
  }
  NamedTensor state() const { return {"pressure", factor_}; }

 private:
  static constexpr float kGrowth = 1.03f, kLimit = 1e4f;
  double penalty_;
  Tensor factor_ = Tensor::full({1}, 1);
};

// autorep and snl: Adam on one number per element.
class TrainedMask : public MaskMethod {
 public:
  TrainedMask(const MaskOptions& options, Indicators& indicators)
      : indicators_(indicators),
        pressure_(options.penalty, indicators.total()),
        optimizer_(make_optimizer({.kind = OptimizerKind::adam}, indicators.auxiliary())) {}

  bool wants_gradients() const override { return true; }
  std::vector<NamedTensor> state() const override {
    std::vector<NamedTensor> result = optimizer_->state();
    result.push_back(pressure_.state());
    return result;
  }
  void restore(std::int64_t steps) override { optimizer_->restore(steps); }

 protected:
  Indicators& indicators() { return indicators_; }
  double penalty(const MaskStep& step) { return pressure_.update(indicators_.open(), step.target); }
  Optimizer& optimizer() { return *optimizer_; }

 private:
  Indicators& indicators_;
  Pressure pressure_;
  std::unique_ptr<Optimizer> optimizer_;
};

class AutoRep final : public TrainedMask {
 public:
  AutoRep(const MaskOptions& options, Indicators& indicators)
      : TrainedMask(options, indicators), threshold_(float(options.threshold)) {}

  std::int64_t step(const MaskStep& step) override {
    const double mu = penalty(step);
    optimizer().step(step.learning_rate, indicators().gradients(step.d_gates, mu));
    return indicators().follow(threshold_);
  }

 private:
  float threshold_;
};

class Snl final : public TrainedMask {
 public:
  Snl(const MaskOptions& options, Indicators& indicators) : TrainedMask(options, indicators) {
    for (const NamedTensor& slope : indicators.auxiliary())
      std::ranges::fill(slope.value.values<float>(), 1.0f);
  }

  std::int64_t step(const MaskStep& step) override {
    optimizer().step(step.learning_rate, slope_gradients(step.d_gates, float(penalty(step))));
    return clamp_slopes();
  }

 private:
  static constexpr float kThreshold = 1e-2f;

  // Of the loss plus μ Σ |slope|; slopes are never negative.
  static std::vector<Tensor> slope_gradients(std::span<const Tensor> d_gates, float mu) {
    std::vector<Tensor> result;
    for (const Tensor& d_gate : d_gates) {
      result.push_back(d_gate.to(Device{}).clone());
      for (float& g : result.back().values<float>()) g += mu;
    }
    return result;
  }

  std::int64_t clamp_slopes() {
    std::int64_t flips = 0;
    for (std::size_t layer = 0; layer < indicators().gates().size(); ++layer) {
      const auto slopes = indicators().auxiliary()[layer].value.values<float>();
      const auto gates = indicators().gates()[layer].values<float>();
      for (std::size_t i = 0; i < slopes.size(); ++i) {
        slopes[i] = std::clamp(slopes[i], 0.0f, 1.0f);
        const float next = slopes[i] > kThreshold ? slopes[i] : 0.0f;
        flips += (next != 0) != (gates[i] != 0) ? 1 : 0;
        gates[i] = next;
      }
    }
    return flips;
  }
};

// random and magnitude: the auxiliary parameters hold each element's worth and stay as they are.
class RankedMask final : public MaskMethod {
 public:
  explicit RankedMask(Indicators& indicators) : indicators_(indicators) {}
  std::int64_t step(const MaskStep& step) override {
    return indicators_.open() > step.target ? indicators_.project(step.target) : 0;
  }

 private:
  Indicators& indicators_;
};

class BlockDescent final : public MaskMethod {
 public:
  BlockDescent(const MaskOptions& options, Indicators& indicators)
      : indicators_(indicators), candidates_(options.candidates), seed_(options.seed) {
    require(candidates_ > 0, "bcd: {} candidates", candidates_);
  }

  // Blocks of at least 1/64 of what is open, so that the loss can tell one from another.
  std::int64_t step(const MaskStep& step) override {
    const std::int64_t open = indicators_.open();
    const bool worth_it = (open - step.target) * kBlocks >= open || step.at_budget;
    if (open <= step.target || !worth_it) return 0;
    const std::vector<Tensor> before = copies(indicators_.gates());
    double least = INFINITY;
    std::int64_t best = 0;
    for (std::int64_t candidate = 0; candidate < candidates_; ++candidate) {
      close_random(step, candidate);
      const double loss = step.loss();
      if (loss < least) {
        least = loss;
        best = candidate;
      }
      for (std::size_t i = 0; i < before.size(); ++i) indicators_.gates()[i].assign(before[i]);
    }
    return close_random(step, best);
  }

 private:
  static constexpr std::int64_t kBlocks = 64;

  static std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
    std::vector<Tensor> result;
    result.reserve(tensors.size());
    for (const Tensor& tensor : tensors) result.push_back(tensor.clone());
    return result;
  }

  // Closes random elements down to the target; a function of step and candidate.
  std::int64_t close_random(const MaskStep& step, std::int64_t candidate) {
    RandomStream random(
        seed_, RandomUse::indicator,
        std::uint64_t(step.step) * std::uint64_t(candidates_) + std::uint64_t(candidate));
    for (const NamedTensor& worth : indicators_.auxiliary())
      for (float& x : worth.value.values<float>()) x = random.uniform();
    return indicators_.project(step.target);
  }

  Indicators& indicators_;
  std::int64_t candidates_;
  std::uint64_t seed_;
};

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  names.reserve(kNames.size());
  for (const MethodName& row : kNames) names.emplace_back(row.name);
  return names;
}

ReplacementMethod parse_method(std::string_view name) {
  const auto* row = std::ranges::find(kNames, name, &MethodName::name);
  require(row != kNames.end(), "no method '{}'; there are {}", name,
          fmt::join(method_names(), ", "));
  return row->method;
}

std::string name_of(ReplacementMethod method) {
  return std::string(std::ranges::find(kNames, method, &MethodName::method)->name);
}

std::unique_ptr<MaskMethod> make_method(const MaskOptions& options, Indicators& indicators) {
  require(options.threshold >= 0 && options.penalty >= 0,
          "replacement: threshold {} and penalty {} must not be negative", options.threshold,
          options.penalty);
  switch (options.method) {
    case ReplacementMethod::autorep:
      return std::make_unique<AutoRep>(options, indicators);
    case ReplacementMethod::snl:
      return std::make_unique<Snl>(options, indicators);
    case ReplacementMethod::bcd:
      return std::make_unique<BlockDescent>(options, indicators);
    case ReplacementMethod::random:
    case ReplacementMethod::magnitude:
      break;
  }
  return std::make_unique<RankedMask>(indicators);
}

}  // namespace hush::nn
