// The microbenchmark: the secure protocols one by one, offline and online apart.
#pragma once

#include "apps/common/command_line.h"
#include "apps/microbench/transfers.h"
#include "apps/microbench/work.h"

namespace hush::apps {

// "ot", "triples", "relu", "drelu", "square", "conv".
const std::vector<std::string>& ops_groups();

struct OpsOptions {
  DeviceOptions device;
  WorkOptions work;
  TransferOptions transfers;
  std::string transport = "tcp", net = "loopback", provider = "dealer", json;
  bool yes_really = false;

  OpsOptions() {
    work.sizes = {1'000, 12'900, 100'000, 491'520};
    work.groups = ops_groups();
  }
};

// Those that no other benchmark has.
void add_ops_options(CLI::App& app, OpsOptions& options);

// Prints, and writes to options.json. Returns the exit status; throws if a result is wrong.
int run_ops(const OpsOptions& options);

}  // namespace hush::apps
