// The ceiling of arithmetic: chains of multiply-adds that touch no memory.
#pragma once

#include "cuda/backend.h"

namespace hush::cuda {

// What multiplies, and what it multiplies.
enum class Unit { float32, ring64, tf32, bf16, ring64_bytes };
inline constexpr int kUnits = 5;

const char* name_of(Unit unit);

// Queues a kernel that does `arithmetic_peak_macs(unit, rounds)` multiply-adds of the unit's
// elements: for ring64_bytes, the 36th part of those of bytes.
void arithmetic_peak(CudaBackend& backend, Unit unit, int rounds);
double arithmetic_peak_macs(Unit unit, int rounds);

}  // namespace hush::cuda
