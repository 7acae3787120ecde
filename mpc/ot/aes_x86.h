// The SIMD kernels of x86-64 processors, for the dispatch in aes.cpp alone.
#pragma once

#include "mpc/ot/aes.h"

namespace hush::mpc {

// Null where the processor lacks the instructions of `path`.
const AesKernels* find_x86_aes_kernels(AesPath path);

}  // namespace hush::mpc
