// Ranks that would compute different things are refused before they begin.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/communicator.h"

namespace hush::parallel {

// What every rank must have alike, by name, in one order.
using Facts = std::vector<std::pair<std::string, std::string>>;

// Throws RankError on all ranks, silent on all but rank 0, that names the first rank and fact that
// differ from rank 0's.
void require_alike(Communicator& ranks, const Facts& facts);

}  // namespace hush::parallel
