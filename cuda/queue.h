// Where kernels are put, and where their scratch memory comes from.
#pragma once

#include <cstddef>
#include <memory>

#include "cuda/memory.h"
#include "cuda/runtime.h"

namespace hush::cuda {

// The one stream of a device with its pool. A launcher gets it first, and need not know more.
struct Queue {
  StreamHandle stream = nullptr;
  DevicePool* pool = nullptr;
};

// `count` elements of device memory for the kernels that a launcher queues; it may go out of
// scope before they run (see memory.h).
template <class T>
class Scratch {
 public:
  Scratch(const Queue& queue, std::size_t count)
      : memory_(queue.pool->allocate(count * sizeof(T))) {}
  T* data() const { return reinterpret_cast<T*>(memory_.get()); }

 private:
  std::shared_ptr<std::byte> memory_;
};

}  // namespace hush::cuda
