#include "apps/secure_bench/range_report.h"

#include <algorithm>
#include <cmath>

namespace hush::apps {
namespace {

using mpc::StepRange;

// The step that comes nearest to its limit, or goes furthest beyond.
const StepRange& tightest(const mpc::RangeRecord& record) {
  return *std::ranges::max_element(
      record.ranges(), {}, [](const StepRange& range) { return range.largest / range.limit; });
}

// How to mend a range that is too small.
std::string advice(const mpc::SecureNetwork& network, int bits) {
  mpc::SecureOptions options = network.options();
  options.range_bits = bits;
  try {
    options.check();
    return fmt::format("use --range-bits {}", bits);
  } catch (const ArgumentError&) {
    return "no --range-bits holds them; keep more ReLUs, or train with smaller activations";
  }
}

}  // namespace

void print_ranges(const mpc::SecureNetwork& network, const mpc::RangeRecord& clear,
                  const std::vector<StepAgreement>& on_shares) {
  const StepRange& worst = tightest(clear);
  const int bits = mpc::range_bits_for(clear);
  fmt::print("\nrange: values reach {:.4g} of {:.4g} ({}); --range-bits {} would hold these\n",
             worst.largest, worst.limit, worst.name, bits);
  std::int64_t beyond = 0, steps = 0;
  for (const StepRange& range : clear.ranges()) {
    beyond += range.beyond;
    steps += range.beyond > 0 ? 1 : 0;
  }
  if (beyond > 0)
    fmt::print(
        "warning: {} values of {} layers are beyond the range, so that answers may be "
        "wrong: {}\n",
        beyond, steps, advice(network, bits));
  if (on_shares.empty()) return;
  fmt::print("\n{:<28}{:>12}{:>14}{:>8}{:>14}{:>8}{:>14}\n", "range, by layer", "limit",
             "clear: most", "beyond", "shares: most", "beyond", "largest error");
  for (std::size_t i = 0; i < on_shares.size(); ++i) {
    const StepRange &right = clear.ranges()[i], &secure = on_shares[i].on_shares;
    fmt::print("{:<28}{:>12.5g}{:>14.5g}{:>8}{:>14.5g}{:>8}{:>14.2g}\n", right.name, right.limit,
               right.largest, right.beyond, secure.largest, secure.beyond,
               on_shares[i].largest_error);
  }
}

Json ranges_json(const mpc::RangeRecord& clear, const std::vector<StepAgreement>& on_shares) {
  Json layers = Json::array();
  for (std::size_t i = 0; i < clear.ranges().size(); ++i) {
    const StepRange& range = clear.ranges()[i];
    layers.push_back({{"step", range.name},
                      {"limit", range.limit},
                      {"largest", range.largest},
                      {"beyond", range.beyond}});
    if (i >= on_shares.size()) continue;
    layers.back()["largest_on_shares"] = on_shares[i].on_shares.largest;
    layers.back()["beyond_on_shares"] = on_shares[i].on_shares.beyond;
    layers.back()["largest_error"] = on_shares[i].largest_error;
  }
  return {{"bits_needed", mpc::range_bits_for(clear)}, {"layers", layers}};
}

}  // namespace hush::apps
