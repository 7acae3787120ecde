// What the emulated machine offers; tests change it to see how a program takes bad news.
#pragma once

#include <cstddef>

#include "cuda/runtime.h"

namespace hush::cuda::emulator {

struct Machine {
  runtime::Probe::Driver driver = runtime::Probe::Driver::ready;
  int devices = 1;
  std::size_t memory_bytes = std::size_t{1} << 30;
};

// The one that the emulated runtime plays. Not synchronised: change it while no kernel runs.
Machine& machine();

}  // namespace hush::cuda::emulator
