#include "apps/microbench/processors.h"

#include <sched.h>

namespace hush::apps {

void take_processors(mpc::Role role, int threads) {
  if (role != mpc::Role::party0 && role != mpc::Role::party1) return;
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  const int half = CPU_COUNT(&all) / 2;
  if (half < threads) return;
  const int first = role == mpc::Role::party0 ? 0 : half;
  cpu_set_t mine;
  CPU_ZERO(&mine);
  for (int processor = 0, number = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &all)) continue;
    if (number >= first && number < first + half) CPU_SET(processor, &mine);
    ++number;
  }
  sched_setaffinity(0, sizeof mine, &mine);  // a wish: without it, times are only less steady
}

}  // namespace hush::apps
