// Arithmetic on ring tensors of any device, through the same backend kernels as training.
#pragma once

#include <memory>
#include <span>

#include "core/op.h"

namespace hush::mpc {

// A copy of `words` with that shape on `device`.
Tensor ring_tensor(const Shape& shape, std::span<const Ring> words, Device device);

// x ⊛ w. Throws ArgumentError if the shapes do not fit.
Tensor apply(const Op& op, const Tensor& x, const Tensor& w);

// a += b, a -= b.
void add_to(const Tensor& a, const Tensor& b);
void subtract_from(const Tensor& a, const Tensor& b);

// Zeroes a secret before its memory goes back to the pool.
void wipe(const Tensor& secret);

}  // namespace hush::mpc
