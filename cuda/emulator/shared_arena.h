// Shared memory of the block that runs now: one storage per key, filled with a pattern that reads
// as NaN. Under AddressSanitizer only what was handed out is accessible.
#pragma once

#include <sanitizer/asan_interface.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace hush::cuda::emulator {

class SharedArena {
 public:
  SharedArena() { reset(); }
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;
  ~SharedArena() { ASAN_UNPOISON_MEMORY_REGION(bytes_.get(), kArenaBytes); }

  // Forgets all storages: a new block begins.
  void reset() {
    ASAN_POISON_MEMORY_REGION(bytes_.get(), kArenaBytes);
    storages_.clear();
    used_ = placed_ = 0;
  }

  // The storage of `key`, or nullptr when the block uses more than a device has.
  void* storage(const void* key, std::size_t bytes) {
    for (const auto& [known, address] : storages_)
      if (known == key) return address;
    if (used_ + bytes > kDeviceBytes) return nullptr;
    std::byte* address = bytes_.get() + placed_;
    used_ += bytes;
    placed_ += (bytes + kGap + 15) / 16 * 16;
    ASAN_UNPOISON_MEMORY_REGION(address, bytes);
    std::memset(address, 0xff, bytes);
    storages_.emplace_back(key, address);
    return address;
  }

 private:
  static constexpr std::size_t kDeviceBytes = 48u << 10;  // without opting in to more
  static constexpr std::size_t kGap = 64;                 // stays inaccessible
  static constexpr std::size_t kArenaBytes = 2 * kDeviceBytes;

  std::unique_ptr<std::byte[]> bytes_{new std::byte[kArenaBytes]};
  std::vector<std::pair<const void*, void*>> storages_;
  std::size_t used_ = 0, placed_ = 0;
};

}  // namespace hush::cuda::emulator
