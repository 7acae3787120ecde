// Products of masks under bilinear ops by OT: every op is brought to matrix products (or to
// elementwise ones), whose cross terms matrix_product.h computes.
//
// A convolution is a product of patches [N·OH·OW, KH·KW·C/groups] and weights
// [KH·KW·C/groups, K/groups], once a group. In a cross term the holder of the data mask is the OT
// receiver: one transfer for each bit of each element of its matrix, and for the reply 260 bytes
// for each multiplication.
#pragma once

#include "mpc/offline/ot_pair.h"
#include "mpc/ot/matrix_product.h"

namespace hush::mpc {

// How a bilinear op is computed by OT.
struct MatrixForm {
  bool elementwise = false;
  std::size_t groups = 1;
  MatrixShape shape;  // of each group; elementwise: rows alone
};

// Throws ArgumentError for an op that has no such form.
MatrixForm matrix_form(const CorrelationRequest& product);

// This party's share of the sum of the cross terms of a ⊛ b. `a` and `b` are this party's shares,
// or empty where the request's ownership gives them to the other one.
SecretWords cross_products(OtPair& pair, const CorrelationRequest& product, const SecretWords& a,
                           const SecretWords& b);

}  // namespace hush::mpc
