// Whether a network's values stay within the range that its fixed point has (options.h).
//
// On shares nobody sees that a sum has left its range: what is opened is masked, and a comparison
// that would tell costs as much as a ReLU for each element. So the range is chosen beforehand, by
// whoever has the weights and images of the kind to come: run_clear evaluates the very plan that
// the parties follow, with real numbers, and clear_ranges tells how near each step comes.
#pragma once

#include <functional>

#include "mpc/secure/network.h"

namespace hush::mpc {

// Called with each step and its first input, float32 [N, …]. Steps come in the order of the plan.
using ClearObserver = std::function<void(const Step& step, const Tensor& input)>;

// float32 logits of float32 images, by the plan of a network that was made from a graph with
// values.
Tensor run_clear(const SecureNetwork& network, const Tensor& images,
                 const ClearObserver& observer = {});

// One step that opens or compares its input.
struct StepRange {
  std::string name;         // of the step; "logits" for the result
  double limit = 0;         // magnitudes must stay below this
  double largest = 0;       // the largest magnitude that was met
  std::int64_t beyond = 0;  // how many elements reached the limit

  // Takes note of numbers.
  void meet(double magnitude) {
    largest = std::max(largest, magnitude);
    beyond += magnitude < limit ? 0 : 1;  // what is no number is beyond, too
  }
};

// Of all steps that have a limit, in the order of the plan.
class RangeRecord {
 public:
  explicit RangeRecord(const SecureNetwork& network);

  // Null for a step without a limit.
  StepRange* find(const Step& step);
  StepRange& logits() { return ranges_.back(); }
  const std::vector<StepRange>& ranges() const { return ranges_; }

 private:
  std::vector<StepRange> ranges_;
  std::vector<const Step*> steps_;
};

// Evaluates the plan on images [N, H, W, C], a few at a time.
RangeRecord clear_ranges(const SecureNetwork& network, const Tensor& images);

// The least range_bits that hold all of these values; more than 30 if no choice does.
int range_bits_for(const RangeRecord& record);

}  // namespace hush::mpc
