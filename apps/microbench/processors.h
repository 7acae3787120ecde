// Where the processes of a benchmark run.
#pragma once

#include "mpc/channel/session.h"

namespace hush::apps {

// Each computing party stands for a machine of its own, so it gets half of the processors that this
// process may use. Left alone, the kernel wakes whoever receives a message on the sender's
// processor, and the two parties take turns on one while the other idles: measured, a query takes
// twice as long.
//
// Does nothing for other roles, and where a half has fewer processors than `threads`.
void take_processors(mpc::Role role, int threads);

}  // namespace hush::apps
