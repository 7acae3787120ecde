// Products of two secrets under any bilinear op: elementwise, matrix product, convolution.
//
// Source: Beaver, CRYPTO 1991. With (A, B, C = A ⊛ B): open E = X - A and F = Y - B; then
//   X ⊛ Y = E ⊛ (F + B) + A ⊛ F + C,
// two local products of that very op a party (party 0 counts F in, party 1 does not).
// Each party learns E and F, uniform. Message, both ways at once: E's share, then F's. 1 round,
// 8 bytes an element of both operands. Offline: one product of the op. Scales add.
// For weights that stay the same from query to query see weight_layer.h.
#pragma once

#include "mpc/offline/demand.h"
#include "mpc/online/share.h"

namespace hush::mpc {

// z = x ⊛ y; all on the party's device, z of the op's output shape.
Conversation product(Party& party, std::shared_ptr<const Op> op, Share x, Share y, Share z);
Cost predict_product(const Shape& x, const Shape& y);
void demand_product(Demand& demand, std::shared_ptr<const Op> op, const Shape& x, const Shape& y);

}  // namespace hush::mpc
