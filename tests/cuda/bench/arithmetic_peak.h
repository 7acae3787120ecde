// The ceiling of arithmetic: chains of multiply-adds that touch no memory.
#pragma once

#include <cstdint>

#include "cuda/backend.h"

namespace hush::cuda {

// Queues a kernel that does `arithmetic_peak_macs(rounds)` multiply-adds of `dtype`.
void arithmetic_peak(CudaBackend& backend, DType dtype, int rounds);
double arithmetic_peak_macs(int rounds);

}  // namespace hush::cuda
