// The part of the CUDA runtime that the backend needs, behind functions of our own, so that the
// same backend also runs on the emulator. runtime.cu forwards to CUDA; emulator/runtime.cpp plays
// a device in host memory. A program is linked with one of the two.
//
// Functions throw CudaError unless they are noexcept.
#pragma once

#include <cstddef>
#include <string>

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace hush::cuda {

using StreamHandle = CUstream_st*;
using EventHandle = CUevent_st*;
using GraphHandle = CUgraphExec_st*;

struct DeviceProperties {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
  std::size_t l2_bytes = 0;
};

struct DeviceMemory {
  std::size_t free_bytes = 0, total_bytes = 0;
};

enum class CopyDirection { to_device, to_host, on_device };

namespace runtime {

// What the machine offers; never throws, so that a program can fall back to the CPU.
struct Probe {
  enum class Driver { ready, absent, too_old, no_device, failed };
  Driver driver = Driver::absent;
  int devices = 0;
  int driver_version = 0;   // 13000 is 13.0; 0 if there is no driver
  int runtime_version = 0;  // what this build needs
  std::string detail;       // the runtime's own words
};
Probe probe() noexcept;

DeviceProperties properties(int device);
// Makes `device` the one that the calling thread's other calls are for.
void use_device(int device);
DeviceMemory memory();

// nullptr when memory is exhausted. Aligned to 256 bytes at least.
std::byte* allocate(std::size_t bytes);
void release(std::byte* block) noexcept;
// The pool tells which part of a block is in use: `usable` bytes of `bytes` when it is lent to a
// tensor, 0 when it comes back. CUDA does not care; the emulator guards the rest.
void mark_usable(std::byte* block, std::size_t usable, std::size_t bytes) noexcept;

StreamHandle create_stream();
void destroy_stream(StreamHandle stream) noexcept;
// Waits for all work of the stream; failures of its kernels surface here.
void synchronize(StreamHandle stream);
// In the order of the stream. Host memory may be reused at once after a copy to the device; a copy
// to the host is complete after `synchronize`.
void copy(void* to, const void* from, std::size_t bytes, CopyDirection direction,
          StreamHandle stream);
void fill(void* to, int byte, std::size_t bytes, StreamHandle stream);

// Between these two, what the calling thread puts into the stream is kept and not done. Nothing may
// be allocated, released or waited for, and no host memory copied.
void begin_recording(StreamHandle stream);
GraphHandle end_recording(StreamHandle stream);
// Ends a recording that failed, and forgets it.
void abandon_recording(StreamHandle stream) noexcept;
// Queues all that was recorded.
void replay(GraphHandle graph, StreamHandle stream);
void destroy_graph(GraphHandle graph) noexcept;

// Whether the time between events says how fast a device is; the emulator's does not.
bool has_clock() noexcept;
EventHandle create_event();
void destroy_event(EventHandle event) noexcept;
void record(EventHandle event, StreamHandle stream);
// Waits for `end`, then returns the time between the two.
float milliseconds(EventHandle begin, EventHandle end);

// An event of its own, whatever is thrown while it is in use.
class Event {
 public:
  Event() : handle_(create_event()) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { destroy_event(handle_); }

  EventHandle handle() const { return handle_; }

 private:
  EventHandle handle_;
};

}  // namespace runtime
}  // namespace hush::cuda
