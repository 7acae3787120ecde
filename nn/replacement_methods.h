// The ways of choosing which ReLUs stay. All of them are led down the same ramp of targets by the
// trainer (replacement_trainer.h), so that they differ in the choice only.
//
//   autorep    Peng et al., ICCV 2023: indicators that follow trained auxiliary parameters
//   snl        Cho et al., "Selective Network Linearization", ICML 2022: a slope in [0, 1] per
//              element in place of the indicator, under an L1 penalty; below 1e-2 it counts as 0
//   bcd        block coordinate descent on the mask (Rakhlin et al., arXiv 2511.11781): of several
//              random blocks, close the one that costs the least loss
//   random     close elements in random order: what any method must beat
//   magnitude  close elements in the order of the mean square of relu(x) - g(x) at each, as
//              measured before training: what activation statistics alone are worth
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "nn/optimizer.h"
#include "nn/replacement_indicators.h"

namespace hush::nn {

enum class ReplacementMethod : std::uint8_t { autorep, snl, bcd, random, magnitude };

std::vector<std::string> method_names();
// Throws ArgumentError, listing them, for anything else.
ReplacementMethod parse_method(std::string_view name);
std::string name_of(ReplacementMethod method);

struct MaskOptions {
  ReplacementMethod method = ReplacementMethod::autorep;
  double threshold = 0.003;  // autorep: t_h of Eq. 10
  // autorep and snl: the weight μ of the penalty times the number of ReLUs, which is how the
  // paper's experiments state it (the derivative of μ' max(share of open gates - target, 0)).
  double penalty = 140;
  std::int64_t candidates = 4;  // bcd: blocks that are tried
  std::uint64_t seed = 0;
};

// What a step knows.
struct MaskStep {
  std::span<const Tensor> d_gates;  // dL/dm, by layer; empty for methods that want none
  std::int64_t target = 0;          // gates that may be open after this step, if it can be helped
  bool at_budget = false;           // the target falls no further
  double learning_rate = 0;
  std::int64_t step = 0;  // counted from 0
  // The loss on the batch at hand with the indicators as they are now.
  std::function<double()> loss;
};

class MaskMethod {
 public:
  virtual ~MaskMethod() = default;
  MaskMethod(const MaskMethod&) = delete;
  MaskMethod& operator=(const MaskMethod&) = delete;

  virtual bool wants_gradients() const { return false; }
  // Changes the indicators, on the host; returns how many opened or closed.
  virtual std::int64_t step(const MaskStep& step) = 0;
  // What the next step depends on besides the indicators; shares memory with the method.
  virtual std::vector<NamedTensor> state() const { return {}; }
  // Continues after `steps` steps, once `state` has been filled.
  virtual void restore(std::int64_t) {}

 protected:
  MaskMethod() = default;
};

// `indicators` must outlive the method; for magnitude its auxiliary parameters must hold what
// measure_importance (replacement_statistics.h) wrote. Throws ArgumentError for bad options.
std::unique_ptr<MaskMethod> make_method(const MaskOptions& options, Indicators& indicators);

}  // namespace hush::nn
