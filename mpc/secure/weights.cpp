#include "mpc/secure/weights.h"

#include "mpc/online/share.h"

namespace hush::mpc {
namespace {

constexpr Tag kWeights{0x0310};

template <class F>
void for_each_tensor(const SecureWeights& weights, F f) {
  for (const auto* tensors : {&weights.weights, &weights.biases})
    for (const Tensor& tensor : *tensors)
      if (tensor.defined()) f(tensor);
}

}  // namespace

std::array<SecureWeights, 2> share_weights(const SecureWeights& secret, Generator& generator) {
  std::array<SecureWeights, 2> parts;
  const auto split = [&](const Tensor& tensor, auto member) {
    std::array<Share, 2> shares;
    if (tensor.defined()) shares = share(tensor, generator);
    for (std::size_t i = 0; i < 2; ++i) (parts[i].*member).push_back(shares[i].part);
  };
  for (const Tensor& tensor : secret.weights) split(tensor, &SecureWeights::weights);
  for (const Tensor& tensor : secret.biases) split(tensor, &SecureWeights::biases);
  return parts;
}

void send_weights(Channel& channel, const SecureWeights& weights) {
  for_each_tensor(
      weights, [&](const Tensor& tensor) { channel.send_array(tensor.values<Ring>(), kWeights); });
  channel.flush();
}

void receive_weights(Channel& channel, const SecureWeights& weights) {
  for_each_tensor(weights, [&](const Tensor& tensor) {
    channel.receive_array(tensor.values<Ring>(), kWeights);
  });
}

}  // namespace hush::mpc
