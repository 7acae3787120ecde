// Runs the grid of a kernel on the host: one block after another, each thread of the block in a
// fiber of its own, switched only where the threads synchronise.
//
// What it notices, by throwing DeviceError: threads of a block at different barriers, a thread
// that returned although others wait for it at a barrier or collective, partial warp masks, too
// much shared memory, grids and blocks that a device would refuse, copies that nobody waited for,
// and writes past the end of device memory. Shared memory starts as a pattern that reads as NaN;
// AddressSanitizer sees every access outside of it. A missing barrier shows as results that depend
// on the order of the threads. It cannot show timing, the effects of memory fences, or anything
// that a real device does while two blocks run at once.
//
// Each host thread has an emulated device's state of its own, so several may run kernels at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/error.h"

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3() = default;
  constexpr dim3(unsigned x_, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

// Of the device thread that runs now; CUDA's names.
inline constinit thread_local uint3 threadIdx, blockIdx;
inline constinit thread_local dim3 blockDim, gridDim;

namespace hush::cuda::emulator {

// A kernel broke a rule of the device's execution model.
struct DeviceError : Error {
  using Error::Error;
};

// Where a kernel synchronises. (std::source_location, but clang 14 has none.)
struct Site {
  const char* file = "";
  int line = 0;
  static constexpr Site current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  friend bool operator==(const Site&, const Site&) = default;
};

// The order in which the runnable threads of a block are resumed.
enum class Order { ascending, descending, shuffled };
// For kernels that the calling host thread starts from now on.
void set_order(Order order);

// Runs `thread_body` once for every thread of the grid.
void run(dim3 grid, dim3 block, const std::function<void()>& thread_body);

// What goes into a stream: done at once or, between these two, by the calling host thread, kept in
// order and not done.
void submit(std::function<void()> operation);
void begin_recording();
// What was kept. Ends a recording that is not wanted too.
std::vector<std::function<void()>> end_recording();
bool is_recording();

// The following are called by device threads.

// Returns once every thread of the block has come to the same barrier.
void block_barrier(Site site);

// Returns once every lane of the calling warp has contributed its `count` words, at most
// kGatheredWords: those of lane i begin at i · count. Valid until the lane's next collective.
constexpr unsigned kGatheredWords = 3;
const std::uint64_t* warp_gather(unsigned mask, const std::uint64_t* words, unsigned count,
                                 Site site);
inline const std::uint64_t* warp_gather(unsigned mask, std::uint64_t word, Site site) {
  return warp_gather(mask, &word, 1, site);
}

// Asynchronous copies of the calling thread (async_copies.h); `from` null clears. Both addresses
// must be aligned to `bytes`.
void start_copy(void* to, const void* from, std::size_t bytes, Site site);
void commit_copies();
void wait_for_copies(unsigned newest);

// For instructions of a whole warp, which `what` names.
void require_whole_warps(const char* what);
void require_alignment(const void* address, std::size_t bytes, Site site);

// Storage shared by the threads of the current block, one per key.
void* block_storage(const void* key, std::size_t bytes);

inline unsigned lane() {
  return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32;
}

}  // namespace hush::cuda::emulator
