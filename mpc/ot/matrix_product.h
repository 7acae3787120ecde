// Products of two parties' private matrices, by oblivious transfer of the bits of one of them.
//
// Functionality over Z_2^w, 1 <= w <= 64: the receiver gives A (rows × inner, elements of `bits` <=
// w bits), the sender B (inner × columns); they get random matrices whose sum is A·B mod 2^w
// (rows × columns). Nobody learns more. All matrices are row-major, one element a word.
//
// Source: as gilboa.h, with the correlation of a transfer being a whole row of B, as in Mohassel,
// Zhang, "SecureML" (IEEE S&P 2017, section IV-C): a bit of A then costs one transfer and not one
// for each column.
//
// How: bit j of A[i, t] chooses in one transfer between the pads of vectors of `columns` elements
// of Z_2^(w−j); with the correlation row t of B the receiver gets r + A[i, t]_j · B[t, ·]. Pads of
// any length come from one correlation by TMMO (hash.h), two elements a block.
//
// Conversation, per batch:
//   receiver  the messages of correlated_ot.h, 16/k bytes a bit of A
//   sender    per element of A: for each j, `columns` values of w − j bits; for bits = w = 64 about
//             260·columns bytes, so 260 bytes for each of the rows·inner·columns products.
// Two rounds a batch; a batch is as many elements of A as need 64 MiB of replies, at most
// kOtBatch / bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/ot/random_ot.h"

namespace hush::mpc {

struct MatrixShape {
  std::size_t rows = 0;     // of A and of the product
  std::size_t inner = 0;    // columns of A, rows of B
  std::size_t columns = 0;  // of B and of the product
};

OtCost matrix_product_cost(OtExtension extension, MatrixShape shape, unsigned width, unsigned bits);

// Input bits above `width` (above `bits` for A) are ignored, output bits above `width` are zero.
void matrix_product_send(OtSender& sender, MatrixShape shape, unsigned width, unsigned bits,
                         std::span<const std::uint64_t> b, std::span<std::uint64_t> share);
void matrix_product_receive(OtReceiver& receiver, MatrixShape shape, unsigned width, unsigned bits,
                            std::span<const std::uint64_t> a, std::span<std::uint64_t> share);

}  // namespace hush::mpc
