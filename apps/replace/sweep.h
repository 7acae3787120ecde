// Many replacement runs, one after the other, unattended.
#pragma once

#include <vector>

#include "apps/replace/options.h"

namespace hush::apps {

// Runs each into one folder (--out): METHOD-POLY-BUDGET-thT-muM-seedS.safetensors. A run whose
// metrics end in a result is passed over, one whose state file is there is continued. A run that
// fails is reported and does not stop the others. Returns false if it was interrupted; throws
// Error at the end if runs failed.
bool run_sweep(const std::vector<AutorepOptions>& runs);

}  // namespace hush::apps
