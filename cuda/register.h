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

// Lets float products of device `index` run in NVIDIA's libraries instead of our kernels. Throws
// CudaError, one line, if a library is not in this build or not on this machine.
void use_cublas(int index);
void use_cudnn(int index);

}  // namespace hush::cuda
