// The CUDA runtime played in host memory: everything happens at once, in the calling thread.
#include "cuda/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/emulator/grid.h"
#include "cuda/emulator/machine.h"
#include "cuda/emulator/memory_guard.h"
#include "cuda/error.h"

struct CUevent_st {
  std::chrono::steady_clock::time_point time;
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> operations;
};

namespace hush::cuda {

namespace emulator {
namespace {

struct Accounts {
  std::mutex mutex;
  std::map<std::byte*, std::size_t> blocks;
  std::size_t used = 0;
};

Accounts& accounts() {  // never destroyed, like the blocks
  static auto* instance = new Accounts;
  return *instance;
}

}  // namespace

Machine& machine() {
  static Machine instance;
  return instance;
}

}  // namespace emulator

namespace runtime {

Probe probe() noexcept {
  const emulator::Machine& machine = emulator::machine();
  Probe result;
  result.driver = machine.driver;
  result.runtime_version = 13000;
  switch (machine.driver) {
    case Probe::Driver::ready:
      result.devices = machine.devices;
      result.driver_version = 13000;
      break;
    case Probe::Driver::too_old:
      result.driver_version = 12040;
      break;
    case Probe::Driver::no_device:
      result.driver_version = 13000;
      break;
    case Probe::Driver::absent:
      break;
    case Probe::Driver::failed:
      result.detail = "played failure";
      break;
  }
  return result;
}

DeviceProperties properties(int) {
  return {"emulated GPU", 8, 0, 2, emulator::machine().memory_bytes, std::size_t{1} << 20};
}

void use_device(int) {}

DeviceMemory memory() {
  emulator::Accounts& accounts = emulator::accounts();
  const std::lock_guard lock(accounts.mutex);
  const std::size_t total = emulator::machine().memory_bytes;
  return {total - std::min(total, accounts.used), total};
}

namespace {

// What CUDA refuses while a stream is recorded.
void require_no_recording(const char* doing) {
  if (emulator::is_recording())
    throw CudaError(
        fmt::format("cuda: {} failed: not permitted while a stream is recorded", doing));
}

}  // namespace

std::byte* allocate(std::size_t bytes) {
  require_no_recording("allocating memory");
  if (bytes > memory().free_bytes) return nullptr;
  std::byte* block = emulator::allocate_guarded(bytes);
  if (block == nullptr) return nullptr;
  emulator::Accounts& accounts = emulator::accounts();
  const std::lock_guard lock(accounts.mutex);
  accounts.blocks[block] = bytes;
  accounts.used += bytes;
  return block;
}

void release(std::byte* block) noexcept {
  emulator::Accounts& accounts = emulator::accounts();
  const std::lock_guard lock(accounts.mutex);
  const auto found = accounts.blocks.find(block);
  accounts.used -= found->second;
  accounts.blocks.erase(found);
  emulator::release_guarded(block);
}

// Recorded too: a replay lends and takes back the same blocks, so that their guards hold there.
void mark_usable(std::byte* block, std::size_t usable, std::size_t) noexcept {
  emulator::submit([=] { emulator::set_usable(block, usable); });
}

StreamHandle create_stream() {
  return nullptr;
}
void destroy_stream(StreamHandle) noexcept {}
void synchronize(StreamHandle) {
  require_no_recording("waiting");
  emulator::check_guards();
}

void copy(void* to, const void* from, std::size_t bytes, CopyDirection direction, StreamHandle) {
  if (direction != CopyDirection::on_device) require_no_recording("copying host memory");
  if (bytes > 0) emulator::submit([=] { std::memmove(to, from, bytes); });
}
void fill(void* to, int byte, std::size_t bytes, StreamHandle) {
  if (bytes > 0) emulator::submit([=] { std::memset(to, byte, bytes); });
}

void begin_recording(StreamHandle) {
  require_no_recording("recording");
  emulator::begin_recording();
}
GraphHandle end_recording(StreamHandle) {
  return new CUgraphExec_st{emulator::end_recording()};
}
void abandon_recording(StreamHandle) noexcept {
  (void)emulator::end_recording();
}
void replay(GraphHandle graph, StreamHandle) {
  for (const auto& operation : graph->operations) operation();
}
void destroy_graph(GraphHandle graph) noexcept {
  delete graph;
}

bool has_clock() noexcept {
  return false;
}
EventHandle create_event() {
  return new CUevent_st;
}
void destroy_event(EventHandle event) noexcept {
  delete event;
}
void record(EventHandle event, StreamHandle) {
  event->time = std::chrono::steady_clock::now();
}
float milliseconds(EventHandle begin, EventHandle end) {
  return std::chrono::duration<float, std::milli>(end->time - begin->time).count();
}

}  // namespace runtime
}  // namespace hush::cuda
