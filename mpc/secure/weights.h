// The weights of a secure network as ring elements: in plaintext, or one party's share of them.
#pragma once

#include <array>
#include <vector>

#include "core/tensor.h"
#include "mpc/channel/channel.h"
#include "mpc/ot/generator.h"

namespace hush::mpc {

// By product, in the order of the network. A bias is undefined where there is none.
struct SecureWeights {
  std::vector<Tensor> weights;  // ring64, of the op's shape
  std::vector<Tensor> biases;   // ring64 [K]
};

// Both parties' shares, for the owner of the model, who then forgets the plaintext.
std::array<SecureWeights, 2> share_weights(const SecureWeights& secret, Generator& generator);

// Hands a share over, 8 bytes an element. `receive` fills tensors of the right shapes, as
// SecureNetwork::empty_weights makes them.
void send_weights(Channel& channel, const SecureWeights& weights);
void receive_weights(Channel& channel, const SecureWeights& weights);

}  // namespace hush::mpc
