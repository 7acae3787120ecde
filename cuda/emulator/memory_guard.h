// Guards around the memory of the emulated device.
//
// What lies behind the bytes that a tensor uses holds a pattern which is checked after each
// kernel; under AddressSanitizer it is inaccessible instead, so that reads are seen too. Memory
// that a tensor gets starts as NaN, whatever it held before.
#pragma once

#include <cstddef>

namespace hush::cuda::emulator {

// A block of `bytes` bytes, guarded on both sides; nothing of it is usable yet.
std::byte* allocate_guarded(std::size_t bytes);
void release_guarded(std::byte* block) noexcept;
// From now on the first `usable` bytes of the block may be used.
void set_usable(std::byte* block, std::size_t usable) noexcept;
// Throws DeviceError, once, if a guard was written to since it was set.
void check_guards();

}  // namespace hush::cuda::emulator
