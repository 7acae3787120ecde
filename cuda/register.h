// Makes the device kind "cuda" known to core/backend.h.
#pragma once

#include <string>

namespace hush::cuda {

// Registers the CUDA backend if this build has one and the machine has a device for it. Returns
// nothing then, and otherwise one line that says why not, such as "no CUDA: …"; it never throws,
// so that a program can print the line and go on with the CPU.
std::string register_cuda();

// Whether this build has the CUDA backend at all.
bool is_in_this_build();

// How many devices can be used; 0 where `register_cuda` returns a line.
int device_count();

// Throws DeviceIndexError, NoDriverError, DriverTooOldError or CudaError unless device `index`
// can be used.
void check_device(int index);

}  // namespace hush::cuda
