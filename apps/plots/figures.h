// The figures of a report on replacement runs.
#pragma once

#include <vector>

#include "apps/plots/gnuplot.h"
#include "apps/plots/run_record.h"

namespace hush::apps {

// One for each question that the runs have data for: accuracy against budget with the published
// points (one per dataset), ReLUs left per layer, flips per epoch by t_h, sensitivity to mu, and
// the polynomials' error on the measured distributions. Figures without data are left out.
std::vector<Plot> make_figures(const std::vector<RunRecord>& runs);

}  // namespace hush::apps
