// Ranks whose tensors lie on GPUs: sums by NCCL, everything else by another communicator.
//
// NCCL adds in an order of its own (rings or trees, by the topology). The result has the same bits
// on every rank, and NCCL repeats it for the same number and placement of GPUs, but it is not the
// order that core/communicator.h asks for: with other GPUs, rounding differs.
#pragma once

#include <memory>

#include "core/communicator.h"

namespace hush::cuda {

// Whether this build has NCCL: nvcc and nccl.h were found.
bool nccl_is_in_this_build();

// To be called by all ranks of `host`, each with a GPU of its own; `host` carries what is small and
// lies in host memory, and must outlive the result. Throws CudaError when NCCL fails, or when this
// build has none.
std::unique_ptr<Communicator> nccl_ranks(Communicator& host, Device device);

}  // namespace hush::cuda
