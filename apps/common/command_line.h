// What every program's main shares: reading options, and turning an error into one line.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "core/device.h"

namespace hush::apps {

// Runs `body` and returns the program's exit status: what it returns, or 1 after printing the
// error as one line "program: what" on the standard error stream. Never throws.
int run_main(const std::string& program, const std::function<int()>& body);

// What run_main prints of an error: one line.
void print_error(const std::string& program, std::string what);

// Parses the command line. Returns true to go on; false after --help was printed. An option that
// does not exist or has a wrong value throws ArgumentError in one line that says how to mend it.
bool parse(CLI::App& app, int argc, char** argv);

// Checks for options, with messages that fit into a line.
CLI::Validator above_zero();
CLI::Validator zero_or_more();

// --device and --threads, which every computing program has.
struct DeviceOptions {
  std::string device = "auto";
  int threads = 0;  // 0: as many as there are processors

  void add_to(CLI::App& app);
  // Sets the thread count and names the device; "auto" takes a GPU if there is one: of several
  // processes on this host, the one with that index takes the GPU of that index.
  Device apply(int index_on_host = 0) const;
};

}  // namespace hush::apps
