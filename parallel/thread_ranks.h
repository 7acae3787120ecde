// Ranks that are threads of one process: for tests of what ranks do together, and to get what
// several processes would compute, bit for bit, from one.
#pragma once

#include <functional>

#include "core/communicator.h"

namespace hush::parallel {

// Calls body once for each of `size` ranks, at the same time, and returns when all have. When one
// throws, calls that the others are waiting in, or make later, throw a silent RankError; the first
// exception that is not such a one is rethrown here.
void run_thread_ranks(int size, const std::function<void(Communicator&)>& body);

}  // namespace hush::parallel
