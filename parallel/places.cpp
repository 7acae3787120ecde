#include "parallel/places.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

namespace hush::parallel {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// '1' for each processor that this process may run on.
std::string affinity() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return "1";
  std::string mask;
  for (int i = 0; i < CPU_SETSIZE; ++i) mask += CPU_ISSET(i, &set) ? '1' : '0';
  return mask;
}

}  // namespace

int fair_threads(const std::string& mine, const std::vector<std::string>& all) {
  double share = 0;
  for (std::size_t i = 0; i < mine.size(); ++i)
    if (mine[i] == '1')
      share += 1 / double(std::ranges::count_if(all, [&](const std::string& mask) {
                 return i < mask.size() && mask[i] == '1';
               }));
  return std::max(1, int(share + 1e-6));
}

Place find_place(Communicator& ranks) {
  Place place;
  place.host = host_name();
  const std::vector<std::string> hosts = ranks.gather_texts(place.host);
  const std::vector<std::string> masks = ranks.gather_texts(affinity());
  std::vector<std::string> of_host;
  for (std::size_t r = 0; r < hosts.size(); ++r) {
    if (hosts[r] != place.host) continue;
    place.index += int(r) < ranks.rank() ? 1 : 0;
    of_host.push_back(masks[r]);
  }
  place.ranks = int(of_host.size());
  place.hosts = int(std::set(hosts.begin(), hosts.end()).size());
  place.threads = fair_threads(masks[std::size_t(ranks.rank())], of_host);
  return place;
}

}  // namespace hush::parallel
