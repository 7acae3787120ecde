#include "core/ops/batch_norm.h"

#include <cmath>

#include "core/backend.h"
#include "core/ops/checks.h"
#include "core/ops/rank_moments.h"

namespace hush {

std::string BatchNorm::options_text() const {
  return fmt::format("epsilon {} momentum {}{}{}{}", options_.epsilon, options_.momentum,
                     residual_ ? " residual" : "", options_.relu ? " relu" : "",
                     fixed_ ? " fixed" : "");
}

Shape BatchNorm::output_shape(std::span<const Shape> inputs) const {
  check_count(name(), inputs, 5 + std::size_t(residual_));
  const Shape& x = inputs[0];
  require(x.rank() > 1, "batch_norm: input {} has no channels to normalise", x.text());
  constexpr std::string_view names[] = {"gamma", "beta", "running mean", "running variance"};
  for (std::size_t i = 0; i < 4; ++i)
    require(inputs[i + 1] == Shape{x[-1]}, "batch_norm: {} {} does not fit input {}", names[i],
            inputs[i + 1].text(), x.text());
  if (residual_) check_shape(name(), "residual", inputs[5], x);
  return x;
}

OpCount BatchNorm::count(std::span<const Shape> inputs, std::span<const Tensor>) const {
  return {.relus = options_.relu ? output_shape(inputs).elements() : 0};
}

Tensor BatchNorm::forward(const PassContext& context, std::span<const Tensor> inputs,
                          std::vector<Tensor>& saved) const {
  output_shape(shapes_of(inputs));
  const bool free = inputs[0].unique();  // asked before `t` below holds it too
  BatchNormForward t;
  t.x = inputs[0];
  t.gamma = inputs[1];
  t.beta = inputs[2];
  t.running_mean = inputs[3];
  t.running_var = inputs[4];
  if (residual_) t.residual = inputs[5];
  Backend& device = backend(t.x.device());
  if (!context.training || fixed_) {
    t.y = free ? t.x : Tensor::empty(t.x.shape(), t.x.dtype(), t.x.device());
    device.batch_norm_infer(options_, t);
    return t.y;
  }
  t.y = Tensor::empty(t.x.shape(), t.x.dtype(), t.x.device());
  t.mean = Tensor::empty(t.gamma.shape(), DType::float32, t.x.device());
  t.inverse_deviation = Tensor::empty(t.gamma.shape(), DType::float32, t.x.device());
  if (context.ranks != nullptr) return normalize_over_ranks(context, t, saved), t.y;
  device.batch_norm_train(options_, t);
  saved = {t.mean, t.inverse_deviation};
  return t.y;
}

// What batch_norm_train does, with the moments of all ranks. Saves their count too.
void BatchNorm::normalize_over_ranks(const PassContext& context, BatchNormForward& t,
                                     std::vector<Tensor>& saved) const {
  const RankMoments m = moments_over_ranks(*context.ranks, t.x, !context.stand_in);
  require(m.count > 1, "batch_norm: {} value per channel on all ranks, a variance needs two",
          m.count);
  const Device device = t.x.device();
  const Tensor mean = t.mean.to(Device{}), inverse = t.inverse_deviation.to(Device{}),
               variance = Tensor::empty(mean.shape(), DType::float32),
               running_mean = t.running_mean.to(Device{}), running_var = t.running_var.to(Device{});
  const double momentum = double(options_.momentum), unbiased = m.count / (m.count - 1);
  for (std::size_t c = 0; c < m.mean.size(); ++c) {
    const auto move = [&](const Tensor& running, double value) {
      float& old = running.values<float>()[c];
      old += float(momentum * (value - double(old)));
    };
    mean.values<float>()[c] = float(m.mean[c]);
    variance.values<float>()[c] = float(m.variance[c]);
    inverse.values<float>()[c] = float(1 / std::sqrt(m.variance[c] + double(options_.epsilon)));
    move(running_mean, m.mean[c]);
    move(running_var, m.variance[c] * unbiased);
  }
  t.mean = mean.to(device);
  t.inverse_deviation = inverse.to(device);
  const Tensor moved_mean = t.running_mean, moved_var = t.running_var;
  t.running_mean = t.mean;  // inference with these normalises as training does
  t.running_var = variance.to(device);
  backend(device).batch_norm_infer(options_, t);
  if (!moved_mean.same_memory(running_mean)) moved_mean.assign(running_mean);
  if (!moved_var.same_memory(running_var)) moved_var.assign(running_var);
  saved = {t.mean, t.inverse_deviation, Tensor::full({}, float(m.count))};
}

// y is linear in x here: with x̂ = (x - mean) / deviation, dx = gamma dy / deviation.
std::vector<Tensor> BatchNorm::fixed_backward(const BackwardArguments& arguments) const {
  const Tensor &x = arguments.inputs[0], &dy = arguments.grad_output;
  const Device device = dy.device();
  const Tensor &gamma = arguments.inputs[1], &mean = arguments.inputs[3];
  const auto like = [&](const Tensor& t) { return Tensor::empty(t.shape(), t.dtype(), device); };
  Backend& kernels = backend(device);
  const Tensor inverse = like(gamma), shift = like(gamma), scale = like(gamma);
  kernels.inverse_deviation(options_.epsilon, arguments.inputs[4], inverse);
  kernels.zip(Binary::multiply, mean, inverse, shift);
  kernels.map(Unary::negate, shift, shift);
  kernels.zip(Binary::multiply, gamma, inverse, scale);
  Tensor g = dy;
  if (options_.relu) {
    g = like(dy);
    kernels.map_backward(Unary::relu, {}, arguments.output, dy, g);
  }
  std::vector<Tensor> gradients(arguments.wanted.size());
  if (arguments.wanted[1]) {
    const Tensor product = like(x);
    kernels.scale_shift(x, inverse, shift, product);
    kernels.zip(Binary::multiply, product, g, product);
    gradients[1] = like(arguments.inputs[1]);
    kernels.column_sum(product, gradients[1]);
  }
  if (arguments.wanted[2]) {
    gradients[2] = like(arguments.inputs[1]);
    kernels.column_sum(g, gradients[2]);
  }
  if (arguments.wanted[0]) {
    gradients[0] = like(x);
    kernels.scale_shift(g, scale, {}, gradients[0]);
  }
  if (residual_ && arguments.wanted[5]) gradients[5] = g;
  return gradients;
}

std::vector<Tensor> BatchNorm::backward(const PassContext& context,
                                        const BackwardArguments& arguments) const {
  if (fixed_) return fixed_backward(arguments);
  const Tensor& dy = arguments.grad_output;
  const bool free = dy.unique();  // asked before `t` below holds it too
  const Shape& per_channel = arguments.input_shapes[1];
  BatchNormBackward t;
  t.x = arguments.inputs[0];
  t.gamma = arguments.inputs[1];
  t.mean = arguments.saved[0];
  t.inverse_deviation = arguments.saved[1];
  t.y = arguments.output;
  t.dy = dy;
  t.d_gamma = Tensor::empty(per_channel, DType::float32, dy.device());
  t.d_beta = Tensor::empty(per_channel, DType::float32, dy.device());
  // The residual's gradient is dy itself, or dy masked by the ReLU; it comes first for dy's memory
  // if that is free, then dx.
  const auto fresh = [&] { return Tensor::empty(dy.shape(), dy.dtype(), dy.device()); };
  if (residual_ && options_.relu) t.d_residual = free ? dy : fresh();
  t.dx = !residual_ && free ? dy : fresh();
  if (context.ranks == nullptr) {
    backend(dy.device()).batch_norm_backward(options_, t);
  } else {
    // dx needs the sums over all ranks; the gradients of gamma and beta are this rank's part, like
    // those of any other parameter.
    backend(dy.device()).batch_norm_gradient_sums(options_, t);
    const SumsOverRanks sums = sums_over_ranks(*context.ranks, t.d_gamma, t.d_beta);
    BatchNormBackward all = t;
    all.d_gamma = sums.first;
    all.d_beta = sums.second;
    const double count = double(arguments.saved[2].values<float>()[0]);
    backend(dy.device()).batch_norm_input_gradient(options_, all, count);
    if (context.stand_in) t.dx.zero();  // the loss does not depend on an image that does not count
  }
  std::vector<Tensor> gradients{t.dx, t.d_gamma, t.d_beta, {}, {}};
  if (residual_) gradients.push_back(options_.relu ? t.d_residual : dy);
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (!arguments.wanted[i]) gradients[i] = {};
  return gradients;
}

}  // namespace hush
