#include "parallel/agreement.h"

#include <algorithm>

namespace hush::parallel {
namespace {

// Names and values, each ended by a zero byte.
std::string text_of(const Facts& facts) {
  std::string text;
  for (const auto& [name, value] : facts) text += name + '\0' + value + '\0';
  return text;
}

Facts facts_of(const std::string& text) {
  Facts facts;
  for (std::size_t begin = 0; begin < text.size();) {
    std::string parts[2];
    for (std::string& part : parts) {
      const std::size_t end = std::min(text.find('\0', begin), text.size());
      part = text.substr(begin, end - begin);
      begin = end + 1;
    }
    facts.emplace_back(parts[0], parts[1]);
  }
  return facts;
}

std::string difference(const Facts& first, const Facts& other) {
  for (std::size_t i = 0; i < std::min(first.size(), other.size()); ++i)
    if (first[i] != other[i])
      return first[i].first == other[i].first
                 ? fmt::format("{} is '{}' there and '{}' on rank 0", first[i].first,
                               other[i].second, first[i].second)
                 : fmt::format("it has {} where rank 0 has {}", other[i].first, first[i].first);
  return "it has other options";
}

}  // namespace

void require_alike(Communicator& ranks, const Facts& facts) {
  const std::vector<std::string> all = ranks.gather_texts(text_of(facts));
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw RankError(fmt::format("rank {} differs: {}; start all ranks with one program, the same "
                                  "options and the same data",
                                  r, difference(facts_of(all[0]), facts_of(all[r]))),
                      ranks.rank() != 0);
}

}  // namespace hush::parallel
