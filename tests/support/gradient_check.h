// Numerical gradients of a reference in double, by central differences.
#pragma once

#include <functional>

#include "tests/support/reference.h"

namespace hush::reference {

using Function = std::function<Array<double>(const Arrays<double>&)>;

// d(Σ weight · f(inputs)) / d inputs[which]. The step makes both the truncation error (step² times
// the third derivative) and the rounding error (1e-16 / step) far smaller than float's.
inline std::vector<double> numerical_gradient(const Function& f, Arrays<double> inputs,
                                              std::size_t which,
                                              const std::vector<double>& weight) {
  constexpr double step = 1e-5;
  const auto weighted = [&] {
    const Array<double> y = f(inputs);
    double sum = 0;
    for (std::size_t i = 0; i < weight.size(); ++i) sum += weight[i] * y.values[i];
    return sum;
  };
  std::vector<double> gradient;
  for (double& x : inputs[which].values) {
    const double here = x;
    x = here + step;
    const double above = weighted();
    x = here - step;
    const double below = weighted();
    x = here;
    gradient.push_back((above - below) / (2 * step));
  }
  return gradient;
}

}  // namespace hush::reference
