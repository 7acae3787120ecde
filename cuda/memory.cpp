#include "cuda/memory.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/error.h"
#include "cuda/runtime.h"

namespace hush::cuda {
namespace {

// One of eight steps per power of two, so that slightly different sizes share blocks.
std::size_t rounded(std::size_t bytes) {
  constexpr std::size_t smallest = 512;
  if (bytes <= smallest) return smallest;
  const std::size_t step = std::max(std::bit_ceil(bytes) / 16, smallest);
  return (bytes + step - 1) / step * step;
}

constexpr double kMebibyte = 1 << 20;

}  // namespace

OutOfMemoryError::OutOfMemoryError(std::size_t asked_bytes, std::size_t free_bytes,
                                   std::size_t live_bytes)
    : CudaError(fmt::format("out of device memory: {:.1f} MiB asked for, {:.1f} MiB free, {:.1f} "
                            "MiB in use by tensors; try a smaller batch",
                            double(asked_bytes) / kMebibyte, double(free_bytes) / kMebibyte,
                            double(live_bytes) / kMebibyte)),
      asked(asked_bytes),
      free(free_bytes),
      live(live_bytes) {}

struct DevicePool::State {
  explicit State(int device_index) : device(device_index) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (auto& [bytes, blocks] : idle)
      for (std::byte* block : blocks) runtime::release(block);
  }

  // The following need the mutex.
  std::byte* take_idle(std::size_t bytes) {
    const auto found = idle.find(bytes);
    if (found == idle.end() || found->second.empty()) return nullptr;
    std::byte* block = found->second.back();
    found->second.pop_back();
    return block;
  }
  void trim() noexcept {
    for (auto& [bytes, blocks] : idle) {
      for (std::byte* block : blocks) runtime::release(block);
      use.reserved_bytes -= bytes * blocks.size();
      blocks.clear();
    }
  }
  std::byte* take_fresh(std::size_t bytes) {
    runtime::use_device(device);
    std::byte* block = runtime::allocate(bytes);
    if (block == nullptr) {  // cached blocks of other sizes may be what is in the way
      trim();
      block = runtime::allocate(bytes);
    }
    if (block == nullptr)
      throw OutOfMemoryError(bytes, runtime::memory().free_bytes, use.live_bytes);
    use.reserved_bytes += bytes;
    return block;
  }
  void give_back(std::byte* block, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex);
    runtime::mark_usable(block, 0, bytes);
    use.live_bytes -= bytes;
    try {
      idle[bytes].push_back(block);
    } catch (const std::bad_alloc&) {  // no host memory to remember it: let it go
      runtime::release(block);
      use.reserved_bytes -= bytes;
    }
  }

  const int device;
  mutable std::mutex mutex;
  std::map<std::size_t, std::vector<std::byte*>> idle;  // by rounded size
  MemoryUse use;
};

DevicePool::DevicePool(int device) : state_(std::make_shared<State>(device)) {}

std::shared_ptr<std::byte> DevicePool::allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes);
  std::byte* block = nullptr;
  {
    const std::lock_guard lock(state_->mutex);
    block = state_->take_idle(size);
    if (block == nullptr) block = state_->take_fresh(size);
    state_->use.live_bytes += size;
    state_->use.peak_bytes = std::max(state_->use.peak_bytes, state_->use.live_bytes);
    runtime::mark_usable(block, bytes, size);
  }
  return {block, [state = state_, size](std::byte* b) { state->give_back(b, size); }};
}

void DevicePool::trim() {
  const std::lock_guard lock(state_->mutex);
  state_->trim();
}

MemoryUse DevicePool::use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->use;
}

}  // namespace hush::cuda
