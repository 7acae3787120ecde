// The dealer: makes correlated randomness for the two servers, and never sees a query or a weight.
#include "apps/common/command_line.h"
#include "apps/common/interrupt.h"
#include "apps/serve/acceptor.h"
#include "apps/serve/dealer_service.h"
#include "apps/serve/log.h"
#include "apps/serve/model_evaluator.h"
#include "apps/serve/service_options.h"
#include "core/thread_pool.h"

namespace hush::apps {
namespace {

struct Options {
  ServiceOptions service;
  std::string listen = "127.0.0.1:7300";
  int threads = 1;
};

int deal(const Options& o) {
  name_log("pi_dealer");
  catch_interrupts();
  set_thread_count(o.threads);
  const auto batches = o.service.batch_sizes();
  AcceptorOptions accepting;
  accepting.address = mpc::Address::parse(o.listen);
  accepting.credentials = mpc::load_credentials(o.service.certificates, "dealer");
  accepting.expected = {"party0", "party1"};
  std::vector<DealerModel> models;
  for (const SplitModel& split : load_split_models(o.service.models, mpc::Role::dealer)) {
    models.push_back({split.name, session_of(split, batches), demand_of(*split.network, batches)});
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const mpc::Demand& batch = models.back().demand.batches[i];
      log("model {}: {:.2f} MB for {} images", split.name,
          1e-6 * double(batch.dealt_bytes(0) + batch.dealt_bytes(1)), batches[i]);
    }
  }
  accepting.most_connections = 4 * models.size() + 16;
  DealerCounters counters;
  if (!o.service.metrics.empty())
    log("counters at http://127.0.0.1:{}/metrics", counters.expose(o.service.metrics));
  DealerService service(std::move(models), counters);
  const Acceptor acceptor(std::move(accepting), [&](const auto& link) { service.serve(link); });
  log("listening on port {}", acceptor.port());
  run_until_signal([] {});
  service.stop();
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("Deals correlated randomness to the two servers of secure inference.");
  Options o;
  app.add_option("--listen", o.listen, "HOST:PORT for the servers")->capture_default_str();
  app.add_option("--threads", o.threads, "CPU threads")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  o.service.add_to(app, "models/dealer", "");
  if (!parse(app, argc, argv)) return 0;
  return deal(o);
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pi_dealer", [&] { return hush::apps::run(argc, argv); });
}
