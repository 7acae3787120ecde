// Batch statistics over the images of several ranks, and the sums of their gradients.
#pragma once

#include <vector>

#include "core/communicator.h"

namespace hush {

// Per channel; the variance is the biased one. The same on every rank, to the bit.
struct RankMoments {
  double count = 0;  // values a channel
  std::vector<double> mean, variance;
};

// Of x [..., C] on all ranks together. Only the moments of each rank travel; they are merged in
// rank order (Chan, Golub, LeVeque 1983). A rank whose x must not count passes `counts` as false.
RankMoments moments_over_ranks(Communicator& ranks, const Tensor& x, bool counts);

// The sums over all ranks of two float tensors of one shape, on their device.
struct SumsOverRanks {
  Tensor first, second;
};
SumsOverRanks sums_over_ranks(Communicator& ranks, const Tensor& first, const Tensor& second);

}  // namespace hush
