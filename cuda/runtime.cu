// The runtime interface on CUDA.
#include "cuda/runtime.h"

#include <cuda_runtime.h>

#include "cuda/error.h"

namespace hush::cuda::runtime {
namespace {

void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // or an error that does not stick would be reported twice
  throw CudaError(fmt::format("cuda: {} failed: {} ({})", doing, cudaGetErrorString(status),
                              cudaGetErrorName(status)));
}

}  // namespace

Probe probe() noexcept {
  Probe result;
  (void)cudaRuntimeGetVersion(&result.runtime_version);
  (void)cudaDriverGetVersion(&result.driver_version);
  const cudaError_t status = cudaGetDeviceCount(&result.devices);
  (void)cudaGetLastError();
  using Driver = Probe::Driver;
  if (status == cudaSuccess)
    result.driver = result.devices > 0 ? Driver::ready : Driver::no_device;
  else if (result.driver_version == 0)
    result.driver = Driver::absent;
  else if (status == cudaErrorInsufficientDriver)
    result.driver = Driver::too_old;
  else if (status == cudaErrorNoDevice)
    result.driver = Driver::no_device;
  else
    result.driver = Driver::failed;
  if (status != cudaSuccess) result.detail = cudaGetErrorString(status);
  return result;
}

DeviceProperties properties(int device) {
  cudaDeviceProp p;
  check(cudaGetDeviceProperties(&p, device), "asking for the device's properties");
  return {p.name,           p.major,
          p.minor,          p.multiProcessorCount,
          p.totalGlobalMem, std::size_t(p.l2CacheSize)};
}

void use_device(int device) {
  check(cudaSetDevice(device), "selecting the device");
}

DeviceMemory memory() {
  DeviceMemory result;
  check(cudaMemGetInfo(&result.free_bytes, &result.total_bytes), "asking for the free memory");
  return result;
}

std::byte* allocate(std::size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    return nullptr;
  }
  check(status, "allocating memory");
  return static_cast<std::byte*>(block);
}

void release(std::byte* block) noexcept {
  (void)cudaFree(block);  // at exit the driver may be gone already
}

void mark_usable(std::byte*, std::size_t, std::size_t) noexcept {}

StreamHandle create_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}

void destroy_stream(StreamHandle stream) noexcept {
  (void)cudaStreamDestroy(stream);
}

void synchronize(StreamHandle stream) {
  check(cudaStreamSynchronize(stream), "a kernel");
}

void copy(void* to, const void* from, std::size_t bytes, CopyDirection direction,
          StreamHandle stream) {
  if (bytes == 0) return;
  const cudaMemcpyKind kind = direction == CopyDirection::to_device ? cudaMemcpyHostToDevice
                              : direction == CopyDirection::to_host ? cudaMemcpyDeviceToHost
                                                                    : cudaMemcpyDeviceToDevice;
  check(cudaMemcpyAsync(to, from, bytes, kind, stream), "copying");
}

void fill(void* to, int byte, std::size_t bytes, StreamHandle stream) {
  if (bytes > 0) check(cudaMemsetAsync(to, byte, bytes, stream), "filling memory");
}

void begin_recording(StreamHandle stream) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording");
}

GraphHandle end_recording(StreamHandle stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream, &graph), "recording");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  (void)cudaGraphDestroy(graph);
  check(status, "preparing what was recorded");
  return executable;
}

void abandon_recording(StreamHandle stream) noexcept {
  cudaGraph_t graph = nullptr;
  (void)cudaStreamEndCapture(stream, &graph);
  if (graph != nullptr) (void)cudaGraphDestroy(graph);
  (void)cudaGetLastError();
}

void replay(GraphHandle graph, StreamHandle stream) {
  check(cudaGraphLaunch(graph, stream), "starting what was recorded");
}

void destroy_graph(GraphHandle graph) noexcept {
  (void)cudaGraphExecDestroy(graph);
}

bool has_clock() noexcept {
  return true;
}

EventHandle create_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "making an event");
  return event;
}

void destroy_event(EventHandle event) noexcept {
  (void)cudaEventDestroy(event);
}

void record(EventHandle event, StreamHandle stream) {
  check(cudaEventRecord(event, stream), "recording an event");
}

float milliseconds(EventHandle begin, EventHandle end) {
  check(cudaEventSynchronize(end), "waiting for an event");
  float result = 0;
  check(cudaEventElapsedTime(&result, begin, end), "reading the time between two events");
  return result;
}

}  // namespace hush::cuda::runtime
