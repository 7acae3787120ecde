#include "cuda/emulator/memory_guard.h"

#include <sanitizer/asan_interface.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "cuda/emulator/fiber.h"
#include "cuda/emulator/grid.h"

namespace hush::cuda::emulator {
namespace {

constexpr std::size_t kGuard = 256;  // bytes before and behind a block; keeps its alignment
constexpr int kFresh = 0xff;         // NaN as a float
constexpr int kPattern = 0xa5;

struct Block {
  std::size_t bytes = 0, usable = 0;
};

struct Blocks {
  std::mutex mutex;
  std::map<std::byte*, Block> all;
  bool overwritten = false;  // seen on a block that is gone by now
};

Blocks& blocks() {  // never destroyed: tensors with static lifetime may outlive main
  static auto* instance = new Blocks;
  return *instance;
}

#ifdef HUSH_EMULATOR_ASAN
bool intact(const std::byte*, const Block&) {
  return true;  // a wrong access was reported where it happened
}
#else
bool intact(const std::byte* start, const Block& block) {
  static const std::vector<std::byte> pattern(kGuard, std::byte{kPattern});
  // Of an unused tail, only the part that a kernel is likely to hit: at least kGuard bytes follow.
  return std::memcmp(start - kGuard, pattern.data(), kGuard) == 0 &&
         std::memcmp(start + block.usable, pattern.data(), kGuard) == 0;
}
#endif

}  // namespace

std::byte* allocate_guarded(std::size_t bytes) {
  const std::size_t size = (bytes + 2 * kGuard + kGuard - 1) / kGuard * kGuard;
  auto* whole = static_cast<std::byte*>(std::aligned_alloc(kGuard, size));
  if (whole == nullptr) return nullptr;
  std::byte* block = whole + kGuard;
  std::memset(whole, kPattern, size);
  ASAN_POISON_MEMORY_REGION(whole, bytes + 2 * kGuard);
  Blocks& b = blocks();
  const std::lock_guard lock(b.mutex);
  b.all[block] = {bytes, 0};
  return block;
}

void release_guarded(std::byte* block) noexcept {
  Blocks& b = blocks();
  const std::lock_guard lock(b.mutex);
  const auto found = b.all.find(block);
  if (!intact(block, found->second)) b.overwritten = true;
  ASAN_UNPOISON_MEMORY_REGION(block - kGuard, found->second.bytes + 2 * kGuard);
  b.all.erase(found);
  std::free(block - kGuard);
}

void set_usable(std::byte* block, std::size_t usable) noexcept {
  Blocks& b = blocks();
  const std::lock_guard lock(b.mutex);
  Block& entry = b.all.at(block);
  if (!intact(block, entry)) b.overwritten = true;
  ASAN_UNPOISON_MEMORY_REGION(block, entry.bytes);
  std::memset(block, kFresh, usable);
  std::memset(block + usable, kPattern, entry.bytes - usable);
  ASAN_POISON_MEMORY_REGION(block + usable, entry.bytes - usable);
  entry.usable = usable;
}

void check_guards() {
  Blocks& b = blocks();
  const std::lock_guard lock(b.mutex);
  bool overwritten = b.overwritten;
  b.overwritten = false;
  for (auto& [start, block] : b.all)
    if (!intact(start, block)) {
      overwritten = true;
      std::memset(start - kGuard, kPattern, kGuard);
      std::memset(start + block.usable, kPattern, block.bytes - block.usable + kGuard);
    }
  if (overwritten) throw DeviceError("emulated kernel: wrote outside of its tensors' memory");
}

}  // namespace hush::cuda::emulator
