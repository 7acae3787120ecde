#include "mpc/secure/gates.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hush::mpc {

Ring encode_at(double x, int scale) {
  const double scaled = std::nearbyint(std::ldexp(x, scale));
  // The negation also catches what is not a number.
  if (!(std::fabs(scaled) < std::ldexp(1.0, 62)))
    throw NumericError(
        fmt::format("secure inference: {} does not fit with {} fraction bits; are the network's "
                    "weights damaged?",
                    x, scale));
  return Ring(std::int64_t(scaled));
}

GatedElements all_relus(std::int64_t count, const SecureOptions& options) {
  GatedElements result;
  result.relus.resize(std::size_t(count));
  std::iota(result.relus.begin(), result.relus.end(), 0u);
  result.fraction_bits = result.scale = options.fraction_bits;
  return result;
}

GatedElements read_gates(const std::string& layer, const Tensor& gate, const Tensor& coefficients,
                         const SecureOptions& options) {
  const auto gates = gate.values<float>();
  const auto c = coefficients.values<float>();
  const std::size_t channels = c.size() / 3;
  GatedElements result;
  for (std::size_t i = 0; i < gates.size(); ++i) {
    require(gates[i] == 0 || gates[i] == 1,
            "secure inference: gate {} of {} is {}, not 0 or 1; finish the replacement first", i,
            layer, gates[i]);
    if (gates[i] == 1) result.relus.push_back(std::uint32_t(i));
  }
  if (result.relus.size() == gates.size()) return all_relus(gate.elements(), options);
  const bool squares = std::any_of(&c[2 * channels], c.data() + 3 * channels,
                                   [](float value) { return value != 0; });
  const int x = squares ? options.square_bits : options.fraction_bits;
  result.fraction_bits = x;
  result.scale = (squares ? 2 * x : x) + options.coefficient_bits;
  for (std::size_t k = 0; k < channels; ++k) {
    result.c0.push_back(encode_at(double(c[k]), result.scale));
    result.c1.push_back(encode_at(double(c[channels + k]), result.scale - x));
    result.c2.push_back(squares ? encode_at(double(c[2 * channels + k]), result.scale - 2 * x) : 0);
  }
  return result;
}

}  // namespace hush::mpc
