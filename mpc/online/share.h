// Additive secret sharing over Z_2^64: share(x) = (r, x - r) with r uniform, so that each part
// alone is uniform. Sums and public multiples are computed on the parts; `open` adds them up.
#pragma once

#include <array>

#include "core/tensor.h"
#include "mpc/offline/cost.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

// This party's part of a secret ring64 tensor. A type of its own, so that a public tensor is never
// taken for a share or the reverse.
struct Share {
  Tensor part;

  const Shape& shape() const { return part.shape(); }
  std::span<Ring> words() const { return part.values<Ring>(); }
};

// Both parties' parts of `secret` (ring64, host), for whoever owns it: a client sends part i to
// party i. Part 0 comes from `generator`.
std::array<Share, 2> share(const Tensor& secret, Generator& generator);
// The secret. Shapes must agree.
Tensor reveal(const Share& part0, const Share& part1);

// Shares a secret that `owner` (0 or 1) holds; the other passes a tensor of the same shape, whose
// elements are not read. Message: owner → other, 8 bytes an element. The other learns nothing.
// `y` gets this party's part.
Conversation share_from(Party& party, int owner, Tensor secret, Share y);
Cost predict_share_from(int owner, std::size_t count);

// Tells both parties x: the sum of their words goes to `values`. 1 round, 8 bytes an element each.
Conversation open(Party& party, std::span<const Ring> x, std::span<Ring> values);
Cost predict_open(std::size_t count);

// Tells x to party `to` alone; `values` of the other is not written. 8 bytes an element one way.
Conversation open_to(Party& party, int to, std::span<const Ring> x, std::span<Ring> values);
Cost predict_open_to(int to, std::size_t count);

}  // namespace hush::mpc
