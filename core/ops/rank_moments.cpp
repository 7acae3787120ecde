#include "core/ops/rank_moments.h"

#include <algorithm>

#include "core/backend.h"

namespace hush {

RankMoments moments_over_ranks(Communicator& ranks, const Tensor& x, bool counts) {
  const Shape per_channel{x.shape()[-1]};
  const auto channels = std::size_t(x.shape()[-1]);
  const Tensor mean = Tensor::empty(per_channel, DType::float32, x.device());
  const Tensor variance = Tensor::empty(per_channel, DType::float32, x.device());
  backend(x.device()).channel_statistics(x, mean, variance);
  // Of one rank: the count, the means, the variances.
  std::vector<double> mine{counts ? double(x.elements()) / double(channels) : 0};
  for (const Tensor& t : {mean.to(Device{}), variance.to(Device{})})
    mine.insert(mine.end(), t.values<float>().begin(), t.values<float>().end());
  const std::vector<double> all = ranks.gather_all(mine);

  RankMoments total{0, std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t begin = 0; begin < all.size(); begin += mine.size()) {
    const double count = all[begin], merged = total.count;
    if (count == 0) continue;
    const double* means = &all[begin + 1];
    const double* variances = means + channels;
    total.count += count;
    for (std::size_t c = 0; c < channels; ++c) {
      const double distance = means[c] - total.mean[c], weight = count / total.count;
      total.mean[c] += distance * weight;
      total.variance[c] += variances[c] * count + distance * distance * merged * weight;
    }
  }
  for (double& v : total.variance) v = total.count > 0 ? v / total.count : 0;
  return total;
}

SumsOverRanks sums_over_ranks(Communicator& ranks, const Tensor& first, const Tensor& second) {
  const auto count = std::size_t(first.elements());
  std::vector<float> mine;
  for (const Tensor& t : {first.to(Device{}), second.to(Device{})})
    mine.insert(mine.end(), t.values<float>().begin(), t.values<float>().end());
  const std::vector<float> all = ranks.gather_all(mine);
  std::vector<const float*> parts;
  for (std::size_t r = 0; r < std::size_t(ranks.size()); ++r)
    parts.push_back(all.data() + r * mine.size());
  add_in_rank_order(parts, mine.size(), mine.data());
  const auto tensor = [&](std::size_t begin) {
    return Tensor::from(first.shape(), std::span<const float>(mine).subspan(begin, count))
        .to(first.device());
  };
  return {tensor(0), tensor(count)};
}

}  // namespace hush
