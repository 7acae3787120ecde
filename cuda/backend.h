// The CUDA backend: argument checks here and in backend/*.cu, the work in kernels/*.cuh.
//
// All work of a device goes through one stream, from whatever host thread it comes; tensors may be
// freed while kernels that use them are still queued (memory.h). Everything is deterministic:
// reductions cut the problem by its shape alone and add partial results in order, and nothing uses
// floating-point atomics.
#pragma once

#include <atomic>

#include "core/backend.h"
#include "cuda/product_choice.h"
#include "cuda/queue.h"
#include "cuda/vendor.h"

namespace hush::cuda {

class CudaBackend final : public Backend {
 public:
  // Throws what check_device throws.
  explicit CudaBackend(int index);
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;
  ~CudaBackend() override;

  Device device() const override { return device_; }
  std::string description() const override;
  const DeviceProperties& properties() const { return properties_; }
  DevicePool& pool() { return pool_; }
  void set_precision(Precision precision) override { precision_ = precision; }
  // Where ring products run; at first what HUSH_RING_PRODUCT says (auto, simt or limbs).
  void set_ring_product(RingProduct product) { ring_product_ = product; }
  // NVIDIA's libraries for float products from now on; null: our own kernels.
  void set_vendor(std::unique_ptr<VendorGemm> gemm) { vendor_gemm_ = std::move(gemm); }
  void set_vendor(std::unique_ptr<VendorConvolution> convolution) {
    vendor_convolution_ = std::move(convolution);
  }
  // For kernels of this device; selects the device for the calling thread.
  Queue queue();

  std::shared_ptr<std::byte> allocate(std::size_t bytes) override;
  void zero(const Tensor& x) override;
  void copy(const Tensor& from, const Tensor& to) override;
  // Throws CudaError for kernels that failed, and ArgumentError if a softmax met a wrong label.
  void synchronize() override;
  std::unique_ptr<RepeatedWork> repeat(std::function<void()> work) override;

  void gemm(const GemmOptions& options, const Tensor& a, const Tensor& b, const Tensor& c) override;
  void conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
              const ConvEpilogue& epilogue, const Tensor& y) override;
  Tensor conv_operand(const ConvOptions& options, const Tensor& x, const Shape& w) override;
  void conv2d_backward_input(const ConvOptions& options, const Tensor& dy, const Tensor& w,
                             const Tensor& dx) override;
  void conv2d_backward_weight(const ConvOptions& options, const Tensor& x, const Tensor& dy,
                              const Tensor& dw) override;

  void map(Unary f, const Tensor& x, const Tensor& y) override;
  void map_backward(Unary f, const Tensor& x, const Tensor& y, const Tensor& dy,
                    const Tensor& dx) override;
  void zip(Binary f, const Tensor& a, const Tensor& b, const Tensor& c) override;
  void axpby(float alpha, const Tensor& x, float beta, const Tensor& y) override;
  void scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift,
                   const Tensor& y) override;
  void channel_multiply(const Tensor& x, const Tensor& gate, const Tensor& y) override;

  void column_sum(const Tensor& x, const Tensor& y) override;
  double sum_of_squares(std::span<const Tensor> tensors) override;

  void batch_norm_train(const BatchNormOptions& options, const BatchNormForward& t) override;
  void batch_norm_infer(const BatchNormOptions& options, const BatchNormForward& t) override;
  void batch_norm_backward(const BatchNormOptions& options, const BatchNormBackward& t) override;
  void batch_norm_gradient_sums(const BatchNormOptions& options,
                                const BatchNormBackward& t) override;
  void batch_norm_input_gradient(const BatchNormOptions& options, const BatchNormBackward& t,
                                 double count) override;
  void channel_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) override;
  void inverse_deviation(float epsilon, const Tensor& variance, const Tensor& y) override;

  void pool(const PoolOptions& options, const Tensor& x, const Tensor& y,
            const Tensor& argmax) override;
  void pool_backward(const PoolOptions& options, const Tensor& dy, const Tensor& argmax,
                     const Tensor& dx) override;

  void subsample_pad(int stride, int before, const Tensor& x, const Tensor& y) override;
  void subsample_pad_backward(int stride, int before, const Tensor& dy, const Tensor& dx) override;

  void gated_activation(const Tensor& x, const Tensor& gate, const Tensor& coefficients,
                        const Tensor& y) override;
  void gated_activation_backward(const Tensor& x, const Tensor& gate, const Tensor& coefficients,
                                 const Tensor& dy, const Tensor& dx, const Tensor& d_gate,
                                 const Tensor& d_coefficients) override;

  void softmax_cross_entropy(const Tensor& logits, const Tensor& labels, float smoothing,
                             const Tensor& probabilities, const Tensor& loss) override;
  void softmax_cross_entropy_backward(const Tensor& probabilities, const Tensor& labels,
                                      float smoothing, const Tensor& d_loss,
                                      const Tensor& d_logits) override;
  void distillation(float temperature, float weight, const Tensor& student, const Tensor& teacher,
                    const Tensor& gradient, const Tensor& loss) override;

  void sgd_step(const SgdOptions& options, std::span<const SgdTensors> tensors) override;
  void adam_step(const AdamOptions& options, std::span<const AdamTensors> tensors) override;

  void permute(std::span<const int> axes, const Tensor& x, const Tensor& y) override;

 private:
  friend class RecordedWork;
  // Copies and waits for the host would be left out of a recording.
  void require_no_recording(std::string_view doing) const;
  void vendor_conv2d(const ConvShape& s, const Tensor& x, const Tensor& w,
                     const ConvEpilogue& epilogue, const Tensor& y);
  Tensor rounded(const Tensor& x);
  bool rounds_beforehand(const ConvShape& s, DType dtype) const;
  template <class T, class Run>
  void run_product(const RingProductChoice::Shape& shape, bool overwrites, const Run& run);
  // Throws if a softmax that has run by now met a wrong label. The stream must be idle.
  void check_labels();

  Device device_;
  DeviceProperties properties_;
  DevicePool pool_;
  StreamHandle stream_ = nullptr;
  std::shared_ptr<std::byte> wrong_label_;  // int32: 0, or 1 + a wrong label's row
  std::atomic<bool> labels_unchecked_ = false;
  Precision precision_ = Precision::float32;
  RingProduct ring_product_;
  std::unique_ptr<VendorGemm> vendor_gemm_;
  std::unique_ptr<VendorConvolution> vendor_convolution_;
  RingProductChoice ring_choice_;
  DevicePool* work_pool_ = &pool_;  // of repeated work, while it runs
  bool recording_ = false;
};

}  // namespace hush::cuda
