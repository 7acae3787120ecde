// Sums go through a stream of their own, so that they run while backward goes on in the backend's:
//   start_sum    the sums' stream waits for what the backend has queued so far, then adds
//   finish_sums  the backend's stream waits for the sums
// The host waits for neither. Tensors under way are held: the pool (memory.h) may reuse a block as
// soon as its owner is gone, which is safe within one stream only.
#include "cuda/nccl_ranks.h"

#include <cuda_runtime.h>
#include <nccl.h>

#include "core/backend.h"
#include "cuda/backend.h"
#include "cuda/error.h"

namespace hush::cuda {
namespace {

void check(ncclResult_t status, const char* doing) {
  if (status != ncclSuccess)
    throw CudaError(fmt::format("nccl: {} failed: {}", doing, ncclGetErrorString(status)));
}

void check(cudaError_t status, const char* doing) {
  if (status != cudaSuccess)
    throw CudaError(fmt::format("cuda: {} failed: {}", doing, cudaGetErrorString(status)));
}

class NcclRanks final : public Communicator {
 public:
  NcclRanks(Communicator& host, Device device) : host_(host), device_(device) {
    ncclUniqueId id{};
    if (host.rank() == 0) check(ncclGetUniqueId(&id), "making an id");
    host.broadcast(std::as_writable_bytes(std::span(&id, 1)));
    (void)backend_stream();  // selects the device
    check(ncclCommInitRank(&nccl_, host.size(), id, host.rank()), "joining the ranks");
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event");
  }
  ~NcclRanks() override {
    (void)cudaEventDestroy(event_);
    (void)cudaStreamDestroy(stream_);
    // Not ncclCommDestroy, which waits for ranks that may be gone.
    (void)ncclCommAbort(nccl_);
  }

  int rank() const override { return host_.rank(); }
  int size() const override { return host_.size(); }
  void start_sum(const Tensor& values) override;
  void progress() override { host_.progress(); }
  void finish_sums() override;
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    host_.all_gather(mine, all);
  }
  void broadcast(std::span<std::byte> bytes) override { host_.broadcast(bytes); }

 private:
  cudaStream_t backend_stream() const {
    return dynamic_cast<CudaBackend&>(backend(device_)).queue().stream;
  }
  // What is queued to `second` from now on runs after what is queued to `first` now.
  void order(cudaStream_t first, cudaStream_t second) const {
    check(cudaEventRecord(event_, first), "recording an event");
    check(cudaStreamWaitEvent(second, event_, 0), "waiting for an event");
  }

  Communicator& host_;
  const Device device_;
  ncclComm_t nccl_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t event_ = nullptr;
  std::vector<Tensor> under_way_;
};

void NcclRanks::start_sum(const Tensor& values) {
  require(values.dtype() == DType::float32, "sum over ranks: {} is not float32", values.text());
  if (values.device() != device_) return host_.start_sum(values);
  order(backend_stream(), stream_);
  float* data = values.device_data<float>();
  check(ncclAllReduce(data, data, std::size_t(values.elements()), ncclFloat32, ncclSum, nccl_,
                      stream_),
        "a sum");
  under_way_.push_back(values);
}

void NcclRanks::finish_sums() {
  host_.finish_sums();
  if (under_way_.empty()) return;
  order(stream_, backend_stream());
  under_way_.clear();
}

}  // namespace

bool nccl_is_in_this_build() {
  return true;
}

std::unique_ptr<Communicator> nccl_ranks(Communicator& host, Device device) {
  require(device.kind == Device::Kind::cuda, "nccl: {} is no GPU", device.text());
  return std::make_unique<NcclRanks>(host, device);
}

}  // namespace hush::cuda
