#include "mpc/online/ring_tensor.h"

#include <sodium.h>

#include <vector>

#include "core/backend.h"

namespace hush::mpc {

Tensor ring_tensor(const Shape& shape, std::span<const Ring> words, Device device) {
  const Tensor host = Tensor::from(shape, words);
  return device == Device{} ? host : host.to(device);
}

Tensor apply(const Op& op, const Tensor& x, const Tensor& w) {
  const Tensor operands[] = {x, w};
  std::vector<Tensor> saved;
  return op.forward({}, operands, saved);
}

void add_to(const Tensor& a, const Tensor& b) {
  backend(a.device()).zip(Binary::add, a, b, a);
}

void subtract_from(const Tensor& a, const Tensor& b) {
  backend(a.device()).zip(Binary::subtract, a, b, a);
}

void wipe(const Tensor& secret) {
  if (secret.device() == Device{})
    sodium_memzero(secret.raw(), secret.bytes());
  else
    secret.zero();
}

}  // namespace hush::mpc
