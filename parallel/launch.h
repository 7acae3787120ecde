// Whether a launcher such as mpirun or srun started this process, as one of several.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace hush::parallel {

struct Launch {
  std::string launcher;  // "mpirun", for messages
  int rank = 0, size = 1;
};

// What the launcher says in the environment, before any library is started; nothing without one.
// `variable` looks up the environment.
std::optional<Launch> launch_from(const std::function<const char*(const char* name)>& variable);
std::optional<Launch> launch();

}  // namespace hush::parallel
