// Memory of tensors: blocks from a caching pool, aligned to 64 bytes (one cache line, one AVX-512
// register).
//
// Training asks for the same sizes step after step; the pool hands back the block it got, so
// that the operating system need not map and clear fresh pages each time. Sizes are rounded up
// to one of eight steps per power of two, which wastes at most 12.5 %.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace hush {

struct MemoryUse {
  std::size_t live_bytes = 0;      // handed out now
  std::size_t peak_bytes = 0;      // the most that was handed out at one time
  std::size_t reserved_bytes = 0;  // held from the operating system, cached blocks included
};

// A thread-safe caching allocator of host memory. Blocks return to it when their last owner
// goes; the pool must outlive them, which `host_pool` does.
class MemoryPool {
 public:
  static constexpr std::size_t kAlignment = 64;

  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  // At least `bytes` bytes, contents undefined. Throws Error when memory is exhausted.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);
  // Gives cached blocks back to the operating system.
  void trim();
  MemoryUse use() const;
  void reset_peak();

 private:
  void release(std::byte* block, std::size_t bytes) noexcept;

  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> idle_;  // by rounded size
  MemoryUse use_;
};

// The pool of all host tensors; never destroyed, so that tensors with static lifetime are safe.
MemoryPool& host_pool();

}  // namespace hush
