#include "apps/serve/service_options.h"

#include <algorithm>
#include <thread>

#include "apps/common/interrupt.h"
#include "apps/serve/log.h"
#include "apps/serve/messages.h"

namespace hush::apps {

void ServiceOptions::add_to(CLI::App& app, const std::string& default_models,
                            const std::string& default_metrics) {
  models = default_models;
  metrics = default_metrics;
  app.add_option("--certificates", certificates, "folder of ca.crt and this machine's key")
      ->capture_default_str();
  app.add_option("--models", models, "folder of split models (pi_split)")->capture_default_str();
  app.add_option("--batches", batches,
                 "images per evaluation; the same at both servers and the dealer")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--metrics", metrics,
                 "HOST:PORT of this machine for counters at /metrics; empty: none")
      ->capture_default_str();
}

std::vector<std::size_t> ServiceOptions::batch_sizes() const {
  std::vector<std::size_t> sizes = batches;
  std::ranges::sort(sizes);
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  require(!sizes.empty() && sizes.size() <= kMaxLanes && sizes.front() >= 1 &&
              sizes.back() <= kMaxBatch,
          "--batches: 1 to {} sizes from 1 to {}", kMaxLanes, kMaxBatch);
  return sizes;
}

void run_until_signal(const std::function<void()>& check) {
  while (!interrupted()) {
    check();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  log("shutting down");
}

}  // namespace hush::apps
