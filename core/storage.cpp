#include "core/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "core/error.h"

namespace hush {
namespace {

std::size_t rounded(std::size_t bytes) {
  constexpr std::size_t smallest = MemoryPool::kAlignment;
  if (bytes <= smallest) return smallest;
  const std::size_t step = std::max(std::bit_ceil(bytes) / 16, smallest);
  return (bytes + step - 1) / step * step;
}

// A block from the operating system, or null. Large ones are asked for in huge pages: a kernel that
// walks through megabytes would otherwise wait for an address translation every 4 KiB.
std::byte* new_block(std::size_t bytes) {
  constexpr std::size_t huge_page = std::size_t{2} << 20;
  const bool huge = bytes >= 2 * huge_page;
  void* block = nullptr;
  if (posix_memalign(&block, huge ? huge_page : MemoryPool::kAlignment, bytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (huge) madvise(block, bytes, MADV_HUGEPAGE);  // a wish: it may fail
#endif
  return static_cast<std::byte*>(block);
}

}  // namespace

MemoryPool::~MemoryPool() {
  trim();
}

std::shared_ptr<std::byte> MemoryPool::allocate(std::size_t bytes) {
  require(bytes <= std::size_t(1) << 46, "memory: {} bytes were asked for in one block", bytes);
  const std::size_t size = rounded(bytes);
  std::byte* block = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (auto& blocks = idle_[size]; !blocks.empty()) {
      block = blocks.back();
      blocks.pop_back();
    }
  }
  const bool fresh = block == nullptr;
  if (fresh) block = new_block(size);
  if (block == nullptr) {  // cached blocks of other sizes may be what is in the way
    trim();
    block = new_block(size);
  }
  if (block == nullptr)
    throw Error(fmt::format("out of memory: {} bytes asked for, {} in use; try a smaller batch",
                            size, use().live_bytes));
  {
    const std::lock_guard lock(mutex_);
    if (fresh) use_.reserved_bytes += size;
    use_.live_bytes += size;
    use_.peak_bytes = std::max(use_.peak_bytes, use_.live_bytes);
  }
  return {block, [this, size](std::byte* b) { release(b, size); }};
}

void MemoryPool::release(std::byte* block, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  use_.live_bytes -= bytes;
  try {
    idle_[bytes].push_back(block);
  } catch (const std::bad_alloc&) {  // no room to remember it: let it go
    std::free(block);
    use_.reserved_bytes -= bytes;
  }
}

void MemoryPool::trim() {
  const std::lock_guard lock(mutex_);
  for (auto& [bytes, blocks] : idle_) {
    for (std::byte* block : blocks) std::free(block);
    use_.reserved_bytes -= bytes * blocks.size();
  }
  idle_.clear();
}

MemoryUse MemoryPool::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

void MemoryPool::reset_peak() {
  const std::lock_guard lock(mutex_);
  use_.peak_bytes = use_.live_bytes;
}

MemoryPool& host_pool() {
  static auto* pool = new MemoryPool;
  return *pool;
}

}  // namespace hush
