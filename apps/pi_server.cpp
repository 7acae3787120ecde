// One of the two servers: ./apps/pi_server --party 0|1
#include "apps/common/command_line.h"
#include "apps/common/interrupt.h"
#include "apps/serve/log.h"
#include "apps/serve/model_evaluator.h"
#include "apps/serve/service_options.h"
#include "core/thread_pool.h"

namespace hush::apps {
namespace {

struct Options {
  ServiceOptions service;
  int party = -1;
  std::string listen, peer, dealer = "127.0.0.1:7300", state;
  std::size_t stock = 64, stock_mb = 4096, memory_mb = 256, queue = 256, clients = 64, request = 16;
  int patience = 30, threads = 1;
  bool trace = false;
};

std::string or_default(const std::string& given, const std::string& value) {
  return given.empty() ? value : given;
}

ServerOptions server_options(const Options& o) {
  const int other = 1 - o.party;
  ServerOptions options;
  options.party = o.party;
  options.listen =
      mpc::Address::parse(or_default(o.listen, fmt::format("127.0.0.1:{}", 7100 + 100 * o.party)));
  options.peer =
      mpc::Address::parse(or_default(o.peer, fmt::format("127.0.0.1:{}", 7100 + 100 * other)));
  options.dealer = mpc::Address::parse(o.dealer);
  options.credentials = mpc::load_credentials(o.service.certificates,
                                              std::string(mpc::role_name(mpc::Role(o.party))));
  options.state = or_default(o.state, fmt::format("state/party{}", o.party));
  options.stock = o.stock;
  options.stock_bytes = o.stock_mb << 20;
  options.memory_bytes = o.memory_mb << 20;
  options.queue = o.queue;
  options.clients = o.clients;
  options.limits.most_images = o.request;
  options.limits.patience = std::chrono::seconds(o.patience);
  options.trace = o.trace;
  return options;
}

int serve(const Options& o) {
  name_log(fmt::format("pi_server {}", o.party));
  catch_interrupts();
  set_thread_count(o.threads);
  const ServerOptions options = server_options(o);
  const auto batches = o.service.batch_sizes();
  const std::string folder = or_default(o.service.models, fmt::format("models/party{}", o.party));
  std::vector<ServerModel> models;
  for (SplitModel& split : load_split_models(folder, mpc::Role(o.party))) {
    log("model {}: {} of {}, {} weights", split.name, split.info.model, split.info.dataset,
        mpc::name_of(split.network->options().weights));
    models.push_back(server_model(std::move(split), batches, options.limits));
  }
  ServerCounters counters;
  if (!o.service.metrics.empty())
    log("counters at http://127.0.0.1:{}/metrics", counters.expose(o.service.metrics));
  Server server(options, std::move(models), counters);
  log("listening on port {}", server.port());
  run_until_signal([&] { server.check(); });
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("One of the two servers of secure inference. Neither sees the images.");
  Options o;
  app.add_option("--party", o.party, "which of the two: 0 or 1")
      ->required()
      ->check(CLI::Range(0, 1));
  app.add_option(
      "--listen", o.listen,
      "HOST:PORT for the other server and for clients; default 127.0.0.1:7100 (party 0), "
      "127.0.0.1:7200 (party 1)");
  app.add_option("--peer", o.peer, "HOST:PORT of the other server; default as above");
  app.add_option("--dealer", o.dealer, "HOST:PORT of the dealer")->capture_default_str();
  app.add_option("--state", o.state,
                 "private folder for correlations; default state/party0 or state/party1. Never "
                 "restore it from a copy");
  app.add_option("--stock", o.stock, "images' worth of correlations to keep, per batch size")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--stock-mb", o.stock_mb, "but no more MiB than this, or one batch")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--memory-mb", o.memory_mb,
                 "of these, the MiB in memory, per batch size: at most half, or one batch")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--queue", o.queue, "images that may wait, per model")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--clients", o.clients, "clients at once")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--request", o.request, "images in one request")
      ->check(CLI::Range(1, int(kMaxBatch)))
      ->capture_default_str();
  app.add_option("--patience", o.patience, "seconds until a query that waits is given up")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_flag("--trace", o.trace, "log every evaluation and every batch of correlations burnt");
  app.add_option("--threads", o.threads, "CPU threads of an evaluation")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  o.service.add_to(app, "", "");
  if (!parse(app, argc, argv)) return 0;
  return serve(o);
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pi_server", [&] { return hush::apps::run(argc, argv); });
}
