// One private bit times several private values, by oblivious transfer: the second party's values
// lie side by side in "lanes", and one transfer of the bit serves them all.
//
// Functionality, for each transfer: the receiver gives a bit b, the sender values x_1, …, x_v; they
// get random shares of b·x_1, …, b·x_v: of bits under exclusive or, or of ring elements under
// addition. Nobody learns more.
//
// Source: correlated OT with a correlation of many values, as in matrix_product.h. The pads of one
// transfer are long enough for v <= 64 bits; for ring elements they are stretched by TMMO (hash.h).
//
// Conversation, per batch of at most kOtBatch transfers:
//   receiver  the messages of random_ot.h                             16/k bytes a transfer
//   sender    per chunk: for each lane x ^ h_0 ^ h_1 (or x + h_0 − h_1)
//             v bits, or 8·v bytes a transfer
// Two rounds a batch.
#pragma once

#include <span>
#include <vector>

#include "mpc/offline/correlation.h"
#include "mpc/ot/random_ot.h"

namespace hush::mpc {

// `words` packed words of choices, and as many of each lane: 64 transfers a word.
OtCost bit_lanes_cost(OtExtension extension, std::size_t words, std::size_t lanes);

// 1 to 64 lanes. Each share has the lane's words.
std::vector<SecretWords> bit_lanes_send(OtSender& sender,
                                        const std::vector<const SecretWords*>& lanes);
std::vector<SecretWords> bit_lanes_receive(OtReceiver& receiver, const SecretWords& choices,
                                           std::size_t lanes);

// `count` transfers, one element of each lane a transfer; `x` and the result are row-major
// [count, lanes].
OtCost ring_lanes_cost(OtExtension extension, std::size_t count, std::size_t lanes);

SecretWords ring_lanes_send(OtSender& sender, const SecretWords& x, std::size_t lanes);
SecretWords ring_lanes_receive(OtReceiver& receiver, const SecretWords& choices, std::size_t count,
                               std::size_t lanes);

}  // namespace hush::mpc
