#include "core/communicator.h"

#include <algorithm>

namespace hush {

std::vector<std::string> Communicator::gather_texts(const std::string& text) {
  const std::vector<std::size_t> lengths = gather(text.size());
  std::vector<char> mine(*std::ranges::max_element(lengths));
  std::ranges::copy(text, mine.begin());
  const std::vector<char> all = gather_all(mine);
  std::vector<std::string> result;
  for (std::size_t r = 0; r < lengths.size(); ++r)
    result.emplace_back(all.data() + r * mine.size(), lengths[r]);
  return result;
}

bool Communicator::any(bool here) {
  return std::ranges::count(gather(char(here ? 1 : 0)), char{1}) > 0;
}

void add_in_rank_order(std::span<const float* const> parts, std::size_t count, float* result) {
  constexpr std::size_t kBlock = 512;  // sums that stay in the first-level cache
  double sums[kBlock];
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t n = std::min(kBlock, count - begin);
    std::fill_n(sums, n, 0.0);
    for (const float* part : parts)
      for (std::size_t i = 0; i < n; ++i) sums[i] += double(part[begin + i]);
    for (std::size_t i = 0; i < n; ++i) result[begin + i] = float(sums[i]);
  }
}

void SingleRank::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  std::ranges::copy(mine, all.begin());
}

}  // namespace hush
