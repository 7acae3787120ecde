#include "apps/secure_bench/step_inspection.h"

#include <cmath>

#include "apps/secure_bench/messages.h"

namespace hush::apps {
namespace {

using namespace mpc;

void compare(StepAgreement& step, const ValueInfo& value, const Tensor& clear,
             const std::array<std::vector<Ring>, 2>& parts) {
  for (std::size_t i = 0; i < parts[0].size(); ++i) {
    const double secure =
        std::ldexp(double(std::int64_t(parts[0][i] + parts[1][i])), -value.scale) * value.factor;
    const auto right = double(clear.values<float>()[i]);
    step.on_shares.meet(std::abs(secure));
    if (std::abs(right) < step.on_shares.limit)
      step.largest_error = std::max(step.largest_error, std::abs(secure - right));
  }
}

}  // namespace

StepInspection::StepInspection(const SecureNetwork& network) : network_(network), record_(network) {
  for (const StepRange& range : record_.ranges()) steps_.push_back({range, 0});
  steps_.pop_back();  // the logits, which the report compares anyway
}

void StepInspection::receive(const std::array<Channel*, 2>& parties, const Tensor& images) {
  std::size_t next = 0;
  run_clear(network_, images, [&](const Step& step, const Tensor& clear) {
    if (record_.find(step) == nullptr) return;
    std::array<std::vector<Ring>, 2> parts;
    for (std::size_t i = 0; i < 2; ++i) {
      parts[i].resize(clear.values<float>().size());
      parties[i]->receive_array(parts[i], kShown);
    }
    compare(steps_[next++], network_.values()[std::size_t(step.inputs().front())], clear, parts);
  });
}

}  // namespace hush::apps
