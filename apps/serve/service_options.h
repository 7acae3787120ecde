// Options that the services share, and how they stay up until a signal.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "apps/serve/link.h"

namespace hush::apps {

// --certificates, --models, --batches, --metrics.
struct ServiceOptions {
  std::string certificates = "certificates", models, metrics;
  std::vector<std::size_t> batches = {1, 16};

  void add_to(CLI::App& app, const std::string& default_models, const std::string& default_metrics);
  // Ascending, without repetition. Throws ArgumentError.
  std::vector<std::size_t> batch_sizes() const;
};

// Calls `check` a few times a second, and returns at the first SIGINT or SIGTERM (catch_interrupts
// must have been called). The second one ends the program at once.
void run_until_signal(const std::function<void()>& check);

}  // namespace hush::apps
