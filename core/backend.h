// The kernels that every device provides, and the registry of devices.
//
// Ops (core/ops) compute shapes and call kernels; kernels compute and trust no shape: each checks
// what it is given and throws ArgumentError. "Arithmetic" below means float32 or ring64, one
// template for both; "float" means float32 only. All tensors of a call live on this device.
// Tensors are handles: an output is passed as a `const Tensor&` and its *elements* are written.
// Results do not depend on the number of threads.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/kernel_options.h"
#include "core/tensor.h"

namespace hush {

// What a convolution does to each result before it is stored, in this order; undefined = absent.
struct ConvEpilogue {
  Tensor bias;      // [K]
  Tensor residual;  // of the output's shape
  bool relu = false;
};

// The tensors of one forward batch normalisation. x, y, residual: [..., C]; all others: [C].
struct BatchNormForward {
  Tensor x, gamma, beta;
  Tensor residual;                   // undefined = absent
  Tensor running_mean, running_var;  // updated when training, read otherwise
  Tensor y;                          // may be x itself when not training
  Tensor mean, inverse_deviation;    // of the batch, written when training
};

// The tensors of its backward pass. `y` is needed with relu only; `d_residual` (the gradient at
// the sum, which is also the residual's) is undefined when nobody asks for it. One of dx and
// d_residual may be dy.
struct BatchNormBackward {
  Tensor x, gamma, mean, inverse_deviation, y, dy;
  Tensor dx, d_gamma, d_beta, d_residual;
};

// One parameter with its gradient and the optimizer's state, all of one shape.
struct SgdTensors {
  Tensor weight, gradient, momentum;  // momentum undefined when the option is 0
};
struct AdamTensors {
  Tensor weight, gradient, mean, variance;
};

// A convolution whose weights do not change from call to call: a device may keep them in the order
// in which its kernels read them.
class FixedConvolution {
 public:
  FixedConvolution() = default;
  FixedConvolution(const FixedConvolution&) = delete;
  FixedConvolution& operator=(const FixedConvolution&) = delete;
  virtual ~FixedConvolution() = default;
  // As Backend::conv2d, with x of the shape that was given to fix_weights; may be called by many
  // threads at once.
  virtual void run(const Tensor& x, const ConvEpilogue& epilogue, const Tensor& y) = 0;
};

// Work that is done again and again; see Backend::repeat.
class RepeatedWork {
 public:
  RepeatedWork() = default;
  RepeatedWork(const RepeatedWork&) = delete;
  RepeatedWork& operator=(const RepeatedWork&) = delete;
  virtual ~RepeatedWork() = default;
  virtual void run() = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Device device() const = 0;
  // For reports: "CPU, AVX-512, 2 threads" or "NVIDIA H100, 80 GiB".
  virtual std::string description() const = 0;

  // For products from now on; set it before work starts, not while it runs. Here: throws
  // ArgumentError for anything but float32.
  virtual void set_precision(Precision precision);

  // --- memory ---------------------------------------------------------------------------------
  virtual std::shared_ptr<std::byte> allocate(std::size_t bytes) = 0;
  virtual void zero(const Tensor& x) = 0;
  // Copies bytes; one of the two may be a host tensor.
  virtual void copy(const Tensor& from, const Tensor& to) = 0;
  // Waits until all kernels started so far are done; errors of theirs surface here at the latest.
  virtual void synchronize() = 0;

  // `work` as something that a device may record once and start as a whole afterwards, without
  // calling it again: a CUDA graph. So it must do the same each time: kernels of this device on the
  // same tensors, and on those that it allocates itself. It may not copy from or to the host, nor
  // wait. First of all it must let go of what it left behind the last time; what it then leaves is
  // where later runs leave it too. While it runs, no other thread may use the device. Here: calls
  // `work` each time.
  virtual std::unique_ptr<RepeatedWork> repeat(std::function<void()> work);

  // --- products (arithmetic) ------------------------------------------------------------------
  // a, b, c are matrices (rank 2).
  virtual void gemm(const GemmOptions& options, const Tensor& a, const Tensor& b,
                    const Tensor& c) = 0;
  // y = x ⊛ w; x [N, H, W, C], w [KH, KW, C / groups, K], y [N, OH, OW, K].
  virtual void conv2d(const ConvOptions& options, const Tensor& x, const Tensor& w,
                      const ConvEpilogue& epilogue, const Tensor& y) = 0;
  // The same convolution for images of shape x and weights that stay as they are now. Here: one
  // that calls conv2d.
  virtual std::unique_ptr<FixedConvolution> fix_weights(const ConvOptions& options, const Shape& x,
                                                        const Tensor& w);
  // x (or a gradient of y) of a convolution with weights of shape w, as the kernels of this device
  // read it: conv2d and both gradients take it in place of the tensor itself, with the same result,
  // and what is rounded for several of them is rounded once. Here: x itself.
  virtual Tensor conv_operand(const ConvOptions& options, const Tensor& x, const Shape& w);
  // dx, the gradient of x given that of y.
  virtual void conv2d_backward_input(const ConvOptions& options, const Tensor& dy, const Tensor& w,
                                     const Tensor& dx) = 0;
  // dw, the gradient of w given that of y.
  virtual void conv2d_backward_weight(const ConvOptions& options, const Tensor& x, const Tensor& dy,
                                      const Tensor& dw) = 0;

  // --- elementwise ----------------------------------------------------------------------------
  // y = f(x); square and negate are arithmetic, the others float. y may be x.
  virtual void map(Unary f, const Tensor& x, const Tensor& y) = 0;
  // dx = f'(x) dy, float; y = f(x) is given too and one of x, y may be undefined where f' needs
  // only the other (relu and sigmoid need y; silu and square need x). dx may be dy.
  virtual void map_backward(Unary f, const Tensor& x, const Tensor& y, const Tensor& dy,
                            const Tensor& dx) = 0;
  // c = f(a, b), arithmetic; c may be a or b.
  virtual void zip(Binary f, const Tensor& a, const Tensor& b, const Tensor& c) = 0;
  // y = alpha x + beta y, float; beta 0 overwrites y whatever it held.
  virtual void axpby(float alpha, const Tensor& x, float beta, const Tensor& y) = 0;
  // y = scale[c] x + shift[c] over the last axis, arithmetic; either may be undefined. y may be x.
  virtual void scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift,
                           const Tensor& y) = 0;
  // y [..., H, W, C] = x [..., H, W, C] times gate [N, C], arithmetic: the gate of
  // squeeze-excitation.
  virtual void channel_multiply(const Tensor& x, const Tensor& gate, const Tensor& y) = 0;

  // --- reductions -----------------------------------------------------------------------------
  // y [C] = the sum of x [..., C] over all but the last axis, arithmetic.
  virtual void column_sum(const Tensor& x, const Tensor& y) = 0;
  // The sum of the squares of all elements of all tensors, float, added in double.
  virtual double sum_of_squares(std::span<const Tensor> tensors) = 0;

  // --- normalisation (float) ------------------------------------------------------------------
  virtual void batch_norm_train(const BatchNormOptions& options, const BatchNormForward& t) = 0;
  // With the running statistics; neither reads nor writes `mean`, `inverse_deviation`.
  virtual void batch_norm_infer(const BatchNormOptions& options, const BatchNormForward& t) = 0;
  virtual void batch_norm_backward(const BatchNormOptions& options, const BatchNormBackward& t) = 0;
  // The same in two halves, for statistics that were taken over more than this x: the first writes
  // d_gamma and d_beta, the sums over x; the second, with the same t but for these two, which then
  // hold the sums over all `count` values a channel, writes dx. After both d_residual is there.
  virtual void batch_norm_gradient_sums(const BatchNormOptions& options,
                                        const BatchNormBackward& t) = 0;
  virtual void batch_norm_input_gradient(const BatchNormOptions& options,
                                         const BatchNormBackward& t, double count) = 0;

  // mean and variance (biased) [C] of x [..., C] over all but the last axis.
  virtual void channel_statistics(const Tensor& x, const Tensor& mean, const Tensor& variance) = 0;
  // y [C] = 1 / sqrt(variance [C] + epsilon).
  virtual void inverse_deviation(float epsilon, const Tensor& variance, const Tensor& y) = 0;

  // --- pooling --------------------------------------------------------------------------------
  // Average is arithmetic (over the ring: the sum), max float. `argmax` (int32, of y's shape; the
  // winner's offset inside its image) is written for max when defined.
  virtual void pool(const PoolOptions& options, const Tensor& x, const Tensor& y,
                    const Tensor& argmax) = 0;
  virtual void pool_backward(const PoolOptions& options, const Tensor& dy, const Tensor& argmax,
                             const Tensor& dx) = 0;

  // y = every stride-th pixel of x [N, H, W, C] in both axes, with `before` zero channels put in
  // front and zeros behind up to y's channel count: ResNet's parameter-free shortcut (option A).
  // Arithmetic.
  virtual void subsample_pad(int stride, int before, const Tensor& x, const Tensor& y) = 0;
  virtual void subsample_pad_backward(int stride, int before, const Tensor& dy,
                                      const Tensor& dx) = 0;

  // --- replaced ReLU (float; AutoReP, ICCV 2023, section 3) -----------------------------------
  // y = m relu(x) + (1 - m) (c2 x² + c1 x + c0). x, y [N, ..., C]; gate m, of the shape of one
  // image [..., C], is shared by the batch; coefficients [3, C] hold the rows c0, c1, c2.
  // y may be x.
  virtual void gated_activation(const Tensor& x, const Tensor& gate, const Tensor& coefficients,
                                const Tensor& y) = 0;
  // All three gradients in one pass: dx; d_gate, the sum over the batch of dy (relu(x) - g(x));
  // d_coefficients, the sums of dy (1 - m) x^k for k = 0, 1, 2. dx may be dy.
  virtual void gated_activation_backward(const Tensor& x, const Tensor& gate,
                                         const Tensor& coefficients, const Tensor& dy,
                                         const Tensor& dx, const Tensor& d_gate,
                                         const Tensor& d_coefficients) = 0;

  // --- loss (float) ---------------------------------------------------------------------------
  // loss [] = mean over rows of the cross entropy of softmax(logits [N, C]) with labels [N]
  // (int32), smoothed: target = (1 - s) one-hot + s / C. Writes probabilities [N, C].
  // Throws ArgumentError for a label outside [0, C).
  virtual void softmax_cross_entropy(const Tensor& logits, const Tensor& labels, float smoothing,
                                     const Tensor& probabilities, const Tensor& loss) = 0;
  // d_logits = d_loss [] · (probabilities - target) / N.
  virtual void softmax_cross_entropy_backward(const Tensor& probabilities, const Tensor& labels,
                                              float smoothing, const Tensor& d_loss,
                                              const Tensor& d_logits) = 0;

  // loss [] = weight times the mean over rows of KL(softmax(teacher / T) || softmax(student / T)),
  // both [N, C]; gradient [N, C] is the loss's with respect to the student's logits.
  virtual void distillation(float temperature, float weight, const Tensor& student,
                            const Tensor& teacher, const Tensor& gradient, const Tensor& loss) = 0;

  // --- optimizers (float), over many tensors in one call --------------------------------------
  virtual void sgd_step(const SgdOptions& options, std::span<const SgdTensors> tensors) = 0;
  virtual void adam_step(const AdamOptions& options, std::span<const AdamTensors> tensors) = 0;

  // --- layout ---------------------------------------------------------------------------------
  // y = x with axes in the order `axes`: y.shape[i] = x.shape[axes[i]]. Any dtype.
  virtual void permute(std::span<const int> axes, const Tensor& x, const Tensor& y) = 0;
};

// The backend of a device; made at first use. Throws ArgumentError when this build or this
// machine has none.
Backend& backend(Device device);

// Devices other than the CPU register themselves, so that core knows none of them. `make` may
// throw; it is called once per index.
using BackendFactory = std::unique_ptr<Backend> (*)(int index);
void register_backend(Device::Kind kind, BackendFactory make);

}  // namespace hush
