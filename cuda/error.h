// What can go wrong with a GPU, one type per remedy.
#pragma once

#include <cstddef>

#include "core/error.h"

namespace hush::cuda {

// Any failure of the CUDA runtime. A kernel's own failure (an address outside of memory, say)
// leaves the device unusable for the rest of the process.
struct CudaError : Error {
  using Error::Error;
};

struct NoDriverError : CudaError {
  using CudaError::CudaError;
};

struct DriverTooOldError : CudaError {
  using CudaError::CudaError;
};

// There is no device of that index.
struct DeviceIndexError : CudaError {
  using CudaError::CudaError;
};

// Device memory is exhausted. Nothing was changed: all tensors keep their contents, so that
// training can be saved, or go on with a smaller batch.
struct OutOfMemoryError : CudaError {
  OutOfMemoryError(std::size_t asked_bytes, std::size_t free_bytes, std::size_t live_bytes);

  std::size_t asked, free, live;
};

}  // namespace hush::cuda
