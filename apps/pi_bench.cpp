// Private inference between two parties on this machine:
//   ./apps/pi_bench --parties 2     a network on shares, end to end
//   ./apps/pi_bench --ops           the protocols one by one
#include "apps/common/interrupt.h"
#include "apps/microbench/ops.h"
#include "apps/secure_bench/bench.h"

namespace hush::apps {
namespace {

int run(int argc, char** argv) {
  CLI::App app(
      "Runs a network on secret shares between two processes of this machine, and tells what that "
      "takes and how well it agrees with the clear; or times its protocols one by one.");
  OpsOptions ops;
  SecureBenchOptions secure;
  bool time_ops = false;
  int parties = 0;
  std::vector<std::string> networks;
  auto* mode = app.add_option_group("mode");
  mode->add_flag("--ops", time_ops, "time the operations one by one");
  mode->add_option("--parties", parties, "run a network between so many parties: 2")
      ->check(CLI::Range(2, 2));
  mode->require_option(1);
  ops.device.device = "cpu";
  ops.device.threads = 1;
  add_ops_options(app, ops);
  add_secure_options(app, secure);
  app.add_option("--transport", ops.transport, "memory (threads), tcp or tls (processes)")
      ->check(CLI::IsMember({"memory", "tcp", "tls"}))
      ->capture_default_str();
  app.add_option("--net", networks,
                 "loopback, or emulated: lan, wan or RTT,BANDWIDTH (20ms,500Mbit); --parties takes "
                 "several, by default loopback lan wan");
  app.add_option("--provider", ops.provider,
                 "who makes correlations: dealer (a third process), ot, or (--parties) client")
      ->check(CLI::IsMember({"dealer", "ot", "client"}))
      ->capture_default_str();
  app.add_flag("--yes-really", ops.yes_really, "run oblivious transfer of any volume");
  app.add_option("--json", ops.json, "append facts and rows to this file as JSON lines");
  ops.device.add_to(app);
  if (!parse(app, argc, argv)) return 0;
  // Parties are processes that are forked, and CUDA does not survive a fork.
  require(ops.device.device == "cpu" || ops.device.device == "auto",
          "--device {}: the parties of this benchmark compute on the CPU; use --device cpu",
          ops.device.device);
  ops.device.device = "cpu";
  require(ops.device.threads > 0, "--threads {}: give each party at least 1", ops.device.threads);
  if (time_ops) {
    require(ops.provider != "client", "--provider client is for --parties 2");
    require(networks.size() <= 1, "--ops takes one network");
    if (!networks.empty()) ops.net = networks[0];
    return run_ops(ops);
  }
  catch_interrupts();
  secure.device = ops.device;
  secure.transport = ops.transport;
  secure.provider = ops.provider;
  secure.yes_really = ops.yes_really;
  secure.json = ops.json;
  if (!networks.empty()) secure.networks = networks;
  return run_secure_bench(std::move(secure));
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pi_bench", [&] { return hush::apps::run(argc, argv); });
}
