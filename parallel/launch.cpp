#include "parallel/launch.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace hush::parallel {
namespace {

struct Names {
  const char *launcher, *rank, *size;
};

// Open MPI; MPICH and Intel MPI; Slurm with PMIx (srun --mpi=pmix).
constexpr Names kLaunchers[] = {{"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                {"mpiexec", "PMI_RANK", "PMI_SIZE"},
                                {"srun", "PMIX_RANK", "SLURM_NTASKS"}};

std::optional<int> number(const char* text) {
  int value = 0;
  if (text == nullptr) return std::nullopt;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Launch> launch_from(const std::function<const char*(const char*)>& variable) {
  for (const Names& names : kLaunchers) {
    const std::optional<int> rank = number(variable(names.rank)),
                             size = number(variable(names.size));
    if (rank && size && *rank < *size) return Launch{names.launcher, *rank, *size};
  }
  return std::nullopt;
}

std::optional<Launch> launch() {
  return launch_from([](const char* name) { return std::getenv(name); });
}

}  // namespace hush::parallel
