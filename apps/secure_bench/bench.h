// The end-to-end benchmark: a network on shares between two processes, against itself in the clear.
#pragma once

#include "apps/common/command_line.h"
#include "apps/secure_bench/subject.h"
#include "mpc/secure/options.h"

namespace hush::apps {

struct SecureBenchOptions {
  DeviceOptions device;
  SubjectOptions subject;
  mpc::SecureOptions secure;
  std::string relu = "auto", weights = "shared", provider = "dealer";
  std::vector<std::string> networks = {"loopback", "lan", "wan"};
  std::int64_t batch = 1;
  std::string json, spool, transport = "tcp";
  bool sweep = false;
  bool check_range = false;
  bool yes_really = false;
};

// Those that no other benchmark has.
void add_secure_options(CLI::App& app, SecureBenchOptions& options);

// Prints a report, and appends it to options.json; with `sweep`, one for each of several budgets of
// an untrained network, leaving out those that options.json has. Returns the exit status. Throws
// ArgumentError for options that do not fit together, before anything was started.
int run_secure_bench(SecureBenchOptions options);

}  // namespace hush::apps
