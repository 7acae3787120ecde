#include "mpc/online/kept_weights.h"

#include "core/backend.h"
#include "core/ops/convolution.h"
#include "mpc/online/ring_tensor.h"

namespace hush::mpc {
namespace {

// Null if `op` is anything but a convolution alone.
const Conv2d* plain_convolution(const Op& op) {
  const auto* convolution = dynamic_cast<const Conv2d*>(&op);
  if (convolution == nullptr) return nullptr;
  const Conv2d::Extras& extras = convolution->extras();
  return extras.bias || extras.residual || extras.relu ? nullptr : convolution;
}

}  // namespace

unsigned KeptWeights::scale_bits(const Op& op, const Shape& x, const Shape& w) {
  const Conv2d* convolution = plain_convolution(op);
  return convolution != nullptr && ring_winograd_pays(convolution->options(), x, w, true)
             ? unsigned(kRingWinogradBits)
             : 0;
}

KeptWeights::KeptWeights(std::shared_ptr<const Op> op, const Tensor& w, unsigned bits)
    : op_(std::move(op)), bits_(bits) {
  const Conv2d* convolution = plain_convolution(*op_);
  const bool has_forms = convolution != nullptr && w.device() == Device{};
  if (has_forms && bits == unsigned(kRingWinogradBits))
    winograd_.emplace(w);
  else if (has_forms && bits == 0 && convolution->options().groups == 1)
    panels_.emplace(convolution->options(), w);
  else
    w_ = w;
}

void KeptWeights::apply(const Tensor& x, const Tensor& addend, const Tensor& y) const {
  const Conv2d* convolution = plain_convolution(*op_);
  if (winograd_) return ring_winograd_conv2d(convolution->options(), x, *winograd_, y, addend);
  if (panels_) return panels_->convolve(x, y, addend);
  if (convolution != nullptr && bits_ == 0) {
    ConvEpilogue epilogue;
    epilogue.residual = addend;
    return backend(w_.device()).conv2d(convolution->options(), x, w_, epilogue, y);
  }
  y.assign(mpc::apply(*op_, x, w_));
  for (unsigned bit = 0; bit < bits_; ++bit) add_to(y, y);
  if (addend.defined()) add_to(y, addend);
}

void KeptWeights::wipe() {
  if (w_.defined() && w_.unique()) mpc::wipe(w_);
  if (winograd_ && winograd_->planes().unique()) mpc::wipe(winograd_->planes());
  if (panels_) panels_->wipe();
}

}  // namespace hush::mpc
