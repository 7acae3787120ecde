// Repeated work as a CUDA graph: the first run does the work as usual, the second records and
// starts it, all later ones only start it.
//
// A graph's kernels keep their addresses, so what they use must not be lent to anybody else between
// runs: the work has a pool of its own. The first run fills it, and the second, which asks for the
// same blocks in the same order, finds them there: nothing can be allocated while recording.
#include <utility>

#include "cuda/backend.h"
#include "cuda/error.h"

namespace hush::cuda {

class RecordedWork final : public RepeatedWork {
 public:
  RecordedWork(CudaBackend& device, std::function<void()> work)
      : device_(device), work_(std::move(work)), pool_(device.device().index) {}
  ~RecordedWork() override {
    if (graph_ != nullptr) runtime::destroy_graph(graph_);
  }

  void run() override {
    if (!warm_) {
      const Turn turn(*this, false);
      work_();
      warm_ = true;
      return;
    }
    if (graph_ == nullptr) record();
    runtime::replay(graph_, device_.queue().stream);
    device_.labels_unchecked_ = true;  // if it has a softmax
  }

 private:
  // While the work runs, the device's memory comes from its pool.
  class Turn {
   public:
    Turn(RecordedWork& work, bool recording) : device_(work.device_) {
      device_.work_pool_ = &work.pool_;
      device_.recording_ = recording;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      device_.work_pool_ = &device_.pool_;
      device_.recording_ = false;
    }

   private:
    CudaBackend& device_;
  };

  void record() {
    const StreamHandle stream = device_.queue().stream;
    const Turn turn(*this, true);
    runtime::begin_recording(stream);
    try {
      work_();
    } catch (...) {
      runtime::abandon_recording(stream);
      throw;
    }
    graph_ = runtime::end_recording(stream);
  }

  CudaBackend& device_;
  std::function<void()> work_;
  DevicePool pool_;
  GraphHandle graph_ = nullptr;
  bool warm_ = false;
};

std::unique_ptr<RepeatedWork> CudaBackend::repeat(std::function<void()> work) {
  return std::make_unique<RecordedWork>(*this, std::move(work));
}

}  // namespace hush::cuda
