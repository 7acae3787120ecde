// What stands in for nccl_ranks.cpp where there is no NCCL.
#include "cuda/error.h"
#include "cuda/nccl_ranks.h"

namespace hush::cuda {

bool nccl_is_in_this_build() {
  return false;
}

std::unique_ptr<Communicator> nccl_ranks(Communicator&, Device) {
  throw CudaError("this build has no NCCL; install it (libnccl-dev) and build again");
}

}  // namespace hush::cuda
