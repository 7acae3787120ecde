// Device memory: a stream-ordered caching pool.
//
// cudaMalloc and cudaFree wait for the device, so blocks are kept and handed out again. A block
// may be reused as soon as its last owner is gone, although kernels that use it are still queued:
// all work of a device goes through one stream, so whatever the next owner queues runs after it.
#pragma once

#include <cstddef>
#include <memory>

#include "core/storage.h"

namespace hush::cuda {

// Thread-safe. Blocks keep what they need of the pool alive, so they may outlive it.
class DevicePool {
 public:
  explicit DevicePool(int device);

  // At least `bytes` bytes, aligned to 256, contents undefined. Throws OutOfMemoryError when the
  // device has no room even after cached blocks were given back.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);
  // Gives cached blocks back to the device; they must not be in use by queued work of another
  // stream than the backend's.
  void trim();
  MemoryUse use() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hush::cuda
