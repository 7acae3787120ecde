// Benchmarks of the offline primitives between two parties: OT extensions, and what the OT provider
// makes of them.
#pragma once

#include "apps/microbench/report.h"
#include "mpc/channel/channel.h"

namespace hush::apps {

struct TransferOptions {
  std::size_t transfers = 4'000'000;
  int repeats = 3;
};

// `report` is party 0's; null at party 1.
void bench_extensions(int party, mpc::Channel& peer, const TransferOptions& options,
                      Report* report);
void bench_provider(int party, mpc::Channel& peer, const TransferOptions& options, Report* report);

}  // namespace hush::apps
