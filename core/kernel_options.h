// What the kernels of a backend are told besides their tensors: plain structs, one per family.
#pragma once

#include <cstdint>

namespace hush {

// How matrix products and convolutions of float32 tensors may round. Tensors, weights and
// everything else stay float32; tf32 and bf16 round what is multiplied to 11 or 8 significant bits
// and add in float32.
enum class Precision : std::uint8_t { float32, tf32, bf16 };

// C = A B (+ C): A is m × k, B is k × n, both may be stored transposed.
struct GemmOptions {
  bool transpose_a = false;  // A is stored [k, m]
  bool transpose_b = false;  // B is stored [n, k]
  bool accumulate = false;   // add to C instead of overwriting it
};

// A two-dimensional convolution (cross-correlation, as in every framework). Images are
// [N, H, W, C], weights [KH, KW, C / groups, K].
struct ConvOptions {
  int stride = 1;
  int padding = 0;  // zeros on each side, both axes
  int groups = 1;   // groups == C == K is a depthwise convolution

  // The output extent for an input extent and a kernel extent.
  std::int64_t output(std::int64_t extent, std::int64_t kernel) const {
    return (extent + 2 * padding - kernel) / stride + 1;
  }
};

enum class PoolKind : std::uint8_t { max, average };

// Pooling over windows of a [N, H, W, C] image. An average divides by the window's area,
// padding included, as PyTorch does by default; over the ring it only sums, and the division
// goes into the weights that follow.
struct PoolOptions {
  PoolKind kind = PoolKind::average;
  int kernel = 2;  // 0: the whole image (global pooling)
  int stride = 2;
  int padding = 0;
};

// Scalar functions of one argument; the arithmetic ones also exist over the ring. Defined in
// core/scalar.h, for every device.
enum class Unary : std::uint8_t { relu, silu, sigmoid, square, negate };

// Scalar functions of two arguments, over float and ring.
enum class Binary : std::uint8_t { add, subtract, multiply };

// Batch normalisation over all axes but the last, then optionally + residual, then ReLU.
struct BatchNormOptions {
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // weight of the new batch in the running statistics
  bool relu = false;
};

struct SgdOptions {
  float learning_rate = 0.1f;
  float momentum = 0.9f;
  float weight_decay = 0;
  bool nesterov = false;
  bool first_step = false;   // the momentum buffer starts as the gradient, as in PyTorch
  float gradient_scale = 1;  // of the gradient before anything else (clipping)
};

struct AdamOptions {
  float learning_rate = 1e-3f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0;
  bool decoupled = false;    // AdamW: decay the weight itself
  std::int64_t step = 1;     // counted from 1, for the bias correction
  float gradient_scale = 1;  // of the gradient before anything else (clipping)
};

}  // namespace hush
