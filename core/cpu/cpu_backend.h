// The CPU backend. Its kernels stand in files by family beside this one; those that depend on
// the instruction set are compiled once per set and chosen at run time (Highway).
#pragma once

#include "core/backend.h"

namespace hush {

class CpuBackend final : public Backend {
 public:
  Device device() const override { return {}; }
  std::string description() const override;

  std::shared_ptr<std::byte> allocate(std::size_t bytes) override;
  void zero(const Tensor& x) override;
  void copy(const Tensor& from, const Tensor& to) override;
  void synchronize() override {}

  // products.cpp: shapes are checked there, gemm and convolution kernels do the work
  void gemm(const GemmOptions& options, const Tensor& a, const Tensor& b, const Tensor& c) override;
  void conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
              const ConvEpilogue& epilogue, const Tensor& y) override;
  std::unique_ptr<FixedConvolution> fix_weights(const ConvOptions& options, const Shape& x,
                                                const Tensor& w) override;
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
};

}  // namespace hush
