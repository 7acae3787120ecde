// Convolutions by cuDNN, through the interface that takes one convolution at a time. Which
// algorithm it proposes for a shape, and the memory that needs, is asked once and remembered.
#include <cudnn.h>

#include <array>
#include <map>
#include <optional>

#include "cuda/kernels/conv_shape.h"
#include "cuda/vendor.h"
#include "cuda/vendor/shared_library.h"

// cuDNN 9 calls that interface deprecated, but has no plain replacement in C.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace hush::cuda {
namespace {

struct Functions {
  SharedLibrary library{fmt::format("libcudnn.so.{}", CUDNN_MAJOR)};
#define HUSH_CUDNN(name) \
  decltype(&cudnn##name) name = library.function<decltype(cudnn##name)>("cudnn" #name)
  HUSH_CUDNN(Create);
  HUSH_CUDNN(Destroy);
  HUSH_CUDNN(SetStream);
  HUSH_CUDNN(CreateTensorDescriptor);
  HUSH_CUDNN(DestroyTensorDescriptor);
  HUSH_CUDNN(SetTensor4dDescriptor);
  HUSH_CUDNN(CreateFilterDescriptor);
  HUSH_CUDNN(DestroyFilterDescriptor);
  HUSH_CUDNN(SetFilter4dDescriptor);
  HUSH_CUDNN(CreateConvolutionDescriptor);
  HUSH_CUDNN(DestroyConvolutionDescriptor);
  HUSH_CUDNN(SetConvolution2dDescriptor);
  HUSH_CUDNN(SetConvolutionMathType);
  HUSH_CUDNN(SetConvolutionGroupCount);
  HUSH_CUDNN(GetConvolutionForwardAlgorithm_v7);
  HUSH_CUDNN(GetConvolutionBackwardDataAlgorithm_v7);
  HUSH_CUDNN(GetConvolutionBackwardFilterAlgorithm_v7);
  HUSH_CUDNN(ConvolutionForward);
  HUSH_CUDNN(ConvolutionBackwardData);
  HUSH_CUDNN(ConvolutionBackwardFilter);
#undef HUSH_CUDNN
};

void check(cudnnStatus_t status, const char* doing) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw CudaError(fmt::format("cuda: cuDNN failed at {} (status {})", doing, int(status)));
}

// The shape as cuDNN describes it, and what it proposed for each pass.
class Plan {
 public:
  Plan(const Functions& f, const ConvShape& s, Precision precision) : f_(f) {
    check(f.CreateTensorDescriptor(&x), "a descriptor");
    check(f.CreateTensorDescriptor(&y), "a descriptor");
    check(f.CreateFilterDescriptor(&w), "a descriptor");
    check(f.CreateConvolutionDescriptor(&convolution), "a descriptor");
    check(f.SetTensor4dDescriptor(x, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, s.images, s.channels,
                                  s.height, s.width),
          "the input's shape");
    check(f.SetTensor4dDescriptor(y, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, s.images, s.out_channels,
                                  s.out_height, s.out_width),
          "the output's shape");
    check(f.SetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, s.out_channels,
                                  s.group_channels(), s.kernel_height, s.kernel_width),
          "the weights' shape");
    check(f.SetConvolution2dDescriptor(convolution, s.padding, s.padding, s.stride, s.stride, 1, 1,
                                       CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "the convolution's options");
    check(f.SetConvolutionGroupCount(convolution, s.groups), "the number of groups");
    check(f.SetConvolutionMathType(
              convolution, precision == Precision::tf32 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH),
          "the precision");
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    (void)f_.DestroyTensorDescriptor(x);
    (void)f_.DestroyTensorDescriptor(y);
    (void)f_.DestroyFilterDescriptor(w);
    (void)f_.DestroyConvolutionDescriptor(convolution);
  }

  cudnnTensorDescriptor_t x = nullptr, y = nullptr;
  cudnnFilterDescriptor_t w = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;
  // Unset until asked for.
  std::optional<cudnnConvolutionFwdAlgoPerf_t> forward;
  std::optional<cudnnConvolutionBwdDataAlgoPerf_t> backward_input;
  std::optional<cudnnConvolutionBwdFilterAlgoPerf_t> backward_weight;

 private:
  const Functions& f_;
};

class Cudnn final : public VendorConvolution {
 public:
  Cudnn() { check(f_.Create(&handle_), "its start"); }
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;
  ~Cudnn() override {
    plans_.clear();
    (void)f_.Destroy(handle_);
  }

  void forward(const Queue& queue, const ConvShape& s, Precision precision, const float* x,
               const float* w, float* y) override {
    Plan& p = plan(queue, s, precision);
    const auto& chosen = choose(p.forward, [&](int* found, auto* result) {
      return f_.GetConvolutionForwardAlgorithm_v7(handle_, p.x, p.w, p.convolution, p.y, 1, found,
                                                  result);
    });
    const Scratch<std::byte> memory(queue, chosen.memory);
    check(f_.ConvolutionForward(handle_, &kOne, p.x, x, p.w, w, p.convolution, chosen.algo,
                                memory.data(), chosen.memory, &kZero, p.y, y),
          "a convolution");
  }
  void backward_input(const Queue& queue, const ConvShape& s, Precision precision, const float* dy,
                      const float* w, float* dx) override {
    Plan& p = plan(queue, s, precision);
    const auto& chosen = choose(p.backward_input, [&](int* found, auto* result) {
      return f_.GetConvolutionBackwardDataAlgorithm_v7(handle_, p.w, p.y, p.convolution, p.x, 1,
                                                       found, result);
    });
    const Scratch<std::byte> memory(queue, chosen.memory);
    check(f_.ConvolutionBackwardData(handle_, &kOne, p.w, w, p.y, dy, p.convolution, chosen.algo,
                                     memory.data(), chosen.memory, &kZero, p.x, dx),
          "an input's gradient");
  }
  void backward_weight(const Queue& queue, const ConvShape& s, Precision precision, const float* x,
                       const float* dy, float* dw) override {
    Plan& p = plan(queue, s, precision);
    const auto& chosen = choose(p.backward_weight, [&](int* found, auto* result) {
      return f_.GetConvolutionBackwardFilterAlgorithm_v7(handle_, p.x, p.y, p.convolution, p.w, 1,
                                                         found, result);
    });
    const Scratch<std::byte> memory(queue, chosen.memory);
    check(f_.ConvolutionBackwardFilter(handle_, &kOne, p.x, x, p.y, dy, p.convolution, chosen.algo,
                                       memory.data(), chosen.memory, &kZero, p.w, dw),
          "a weight's gradient");
  }

 private:
  using Key = std::array<int, 13>;
  static constexpr float kOne = 1, kZero = 0;

  // The algorithm that cuDNN proposes first.
  template <class Proposal, class Ask>
  static const Proposal& choose(std::optional<Proposal>& known, const Ask& ask) {
    if (!known) {
      Proposal proposal{};
      int found = 0;
      check(ask(&found, &proposal), "choosing an algorithm");
      if (found == 0) throw CudaError("cuda: cuDNN has no algorithm for a convolution");
      check(proposal.status, "choosing an algorithm");
      known = proposal;
    }
    return *known;
  }

  Plan& plan(const Queue& queue, const ConvShape& s, Precision precision) {
    if (precision == Precision::bf16)
      throw CudaError(
          "cuda: cuDNN convolutions of float32 tensors have no bf16; use --precision tf32 or "
          "--conv own");
    check(f_.SetStream(handle_, queue.stream), "choosing the stream");
    auto& slot =
        plans_[{s.images, s.height, s.width, s.channels, s.out_height, s.out_width, s.out_channels,
                s.kernel_height, s.kernel_width, s.stride, s.padding, s.groups, int(precision)}];
    if (!slot) slot = std::make_unique<Plan>(f_, s, precision);
    return *slot;
  }

  Functions f_;
  cudnnHandle_t handle_ = nullptr;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

}  // namespace

std::unique_ptr<VendorConvolution> make_cudnn() {
  return std::make_unique<Cudnn>();
}

}  // namespace hush::cuda
