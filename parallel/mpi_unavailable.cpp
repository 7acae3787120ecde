// What stands in for mpi_ranks.cpp where there is no MPI.
#include "core/error.h"
#include "parallel/mpi_ranks.h"

namespace hush::parallel {

bool mpi_is_in_this_build() {
  return false;
}

std::unique_ptr<ProcessRanks> start_mpi(LostRank) {
  throw Error(
      "this build has no MPI and trains in one process; install libopenmpi-dev and openmpi-bin, "
      "delete the build folder, and build again");
}

}  // namespace hush::parallel
