// Programs that work as one process, or as several that a launcher such as mpirun started.
#pragma once

#include <functional>
#include <string>

#include "core/communicator.h"

namespace hush::apps {

// To be called inside run_main. Calls `body` with this process's communicator and returns what it
// returns; rank 0 alone is not quiet. An error on any rank ends all of them, after one line on the
// standard error stream: a process that works alone throws it, others do not return then, since MPI
// cannot be ended in order while ranks are missing. Throws if there are several processes and this
// build has no MPI.
int run_ranks(const std::string& program, const std::function<int(Communicator&)>& body);

// For programs that know one process only. Throws ArgumentError if a launcher started several.
void require_one_process(const std::string& program);

}  // namespace hush::apps
