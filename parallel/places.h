// Which ranks share a host, and what of it each may use.
#pragma once

#include <string>

#include "core/communicator.h"

namespace hush::parallel {

struct Place {
  std::string host;
  int index = 0;  // of this rank among those of its host
  int ranks = 1;  // of this host
  int hosts = 1;
  // Threads for this rank, so that the ranks of a host that may run on the same processors share
  // them evenly; at least one.
  int threads = 1;
};

// To be called by all ranks.
Place find_place(Communicator& ranks);

// The processors among those in `mine` (bit i: processor i) that fall to one of several processes,
// whose masks are `all`, `mine` among them: each processor is shared by those that may use it.
int fair_threads(const std::string& mine, const std::vector<std::string>& all);

}  // namespace hush::parallel
