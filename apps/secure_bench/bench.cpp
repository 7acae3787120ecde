#include "apps/secure_bench/bench.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "apps/common/interrupt.h"
#include "apps/common/progress.h"
#include "apps/secure_bench/range_report.h"
#include "apps/secure_bench/roles.h"
#include "apps/secure_bench/secure_report.h"
#include "core/revision.h"
#include "core/thread_pool.h"
#include "mpc/offline/ot_prediction.h"
#include "nn/models.h"

namespace hush::apps {
namespace {

// Queries over each network but the first.
constexpr std::int64_t kQueriesElsewhere = 3;
// ReLUs that --sweep leaves; more than a network has means all of them. AutoReP's and around them.
constexpr std::int64_t kSweepBudgets[] = {0, 6'000, 12'900, 50'000, 150'000, 1 << 30};

Provider parse_provider(const std::string& text) {
  return text == "ot" ? Provider::ot : text == "client" ? Provider::client : Provider::dealer;
}

mpc::SecureOptions secure_options(const SecureBenchOptions& o) {
  mpc::SecureOptions options = o.secure;
  options.weights = mpc::parse_weight_mode(o.weights);
  const bool ot = o.provider == "ot";
  options.relu = o.relu == "auto" ? (ot ? mpc::ReluMethod::carry : mpc::ReluMethod::dcf)
                                  : mpc::parse_relu_method(o.relu);
  return options;
}

// Throws ArgumentError for what oblivious transfer cannot make, or should not without being told.
void check_transfers(const SecureBenchOptions& o, const SecurePlan& plan) {
  if (plan.provider != Provider::ot) return;
  const mpc::Demand once = plan.network->demand_set_up();
  const mpc::Demand each = plan.network->demand(std::min(plan.batch, plan.runs[0].images));
  double bytes = 0;
  for (const mpc::Demand* demand : {&once, &each})
    for (const std::uint64_t sent : mpc::predict_ot(plan.ot.extension, *demand).bytes_sent)
      bytes += double(sent);
  const mpc::OtOptions limits;
  require(o.yes_really || bytes <= double(limits.most_bytes),
          "a query needs {:.1f} GB of oblivious transfer, most of it for products with weights; "
          "use --provider dealer, --weights public or a smaller network, or say --yes-really",
          bytes / 1e9);
}

SecurePlan plan_of(const SecureBenchOptions& o, const mpc::SecureNetwork& network,
                   std::int64_t images) {
  SecurePlan plan;
  plan.network = &network;
  plan.provider = parse_provider(o.provider);
  if (o.yes_really) plan.ot.most_bytes = ~std::uint64_t{0};
  plan.batch = std::min(o.batch, images);
  plan.threads = o.device.threads;
  plan.spool = o.spool;
  plan.check_range = o.check_range;
  for (const std::string& name : o.networks)
    plan.runs.push_back(
        {name, mpc::parse_network(name),
         plan.runs.empty() ? images : std::min(images, kQueriesElsewhere * plan.batch)});
  return plan;
}

SecureResult run_roles_of(const SecureBenchOptions& o, const SecurePlan& plan,
                          const Tensor& images) {
  LinkOptions links;
  links.transport = o.transport == "memory" ? TransportKind::memory
                    : o.transport == "tls"  ? TransportKind::tls
                                            : TransportKind::tcp;
  links.network = plan.runs[0].network;
  for (std::size_t i = 1; i < plan.runs.size(); ++i) links.more.push_back(plan.runs[i].network);
  links.dealer = plan.provider == Provider::dealer;
  links.client = true;
  links.threads = plan.threads;
  links.graph = plan.network->digest();
  links.options =
      fmt::format("{} provider {} batch {} images {} check {}", plan.network->options().text(),
                  o.provider, plan.batch, plan.runs[0].images, plan.check_range);
  SecureResult result;
  run_roles(links, [&](mpc::Role role, Links& channels) {
    if (role == mpc::Role::dealer) return run_secure_dealer(channels, plan);
    if (role != mpc::Role::client) return run_secure_party(int(role), channels, plan);
    double total = 0;
    for (const NetworkRun& run : plan.runs) total += double(run.images);
    Progress progress("on shares", "images", total);
    result = run_secure_client(channels, plan, images, [&](std::int64_t done) {
      if (interrupted()) throw Error("interrupted; no result");
      progress.update(double(done));
    });
    progress.clear();
  });
  return result;
}

}  // namespace

void add_secure_options(CLI::App& app, SecureBenchOptions& o) {
  o.subject.dataset.name.clear();
  app.add_option("--model", o.subject.model,
                 fmt::format("--parties: a model file, or the name of an untrained network (one of "
                             "{}); by default the newest replaced model in runs/, else resnet18",
                             fmt::join(nn::model_names(), ", ")));
  app.add_option("--act", o.subject.activation,
                 "--parties: silu or relu in place of the other; by default the file's own, for an "
                 "untrained network relu")
      ->check(CLI::IsMember({"silu", "relu"}));
  o.subject.dataset.add_to(app);
  app.add_option("--budget", o.subject.budget,
                 "--parties: ReLUs of an untrained network; by default 12900")
      ->check(CLI::Range(0, 1 << 30));
  app.add_option("--relu", o.relu,
                 "--parties: a2b (CrypTen's), carry, dcf or dcf-select; auto is dcf, without a "
                 "dealer carry")
      ->check(CLI::IsMember({"auto", "a2b", "carry", "dcf", "dcf-select"}))
      ->capture_default_str();
  app.add_option("--weights", o.weights, "--parties: who knows the weights")
      ->check(CLI::IsMember({"shared", "owner", "public"}))
      ->capture_default_str();
  app.add_option("--images", o.subject.images, "--parties: test images")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--first", o.subject.first, "--parties: which test image comes first")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app.add_option("--batch", o.batch, "--parties: images of a query")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_flag("--sweep", o.sweep,
               "--parties: one run for each of several budgets of an untrained network; goes on "
               "where --json FILE ends");
  app.add_option("--range-bits", o.secure.range_bits,
                 "--parties: values inside of the network stay below 2^bits")
      ->capture_default_str();
  app.add_option(
         "--spool", o.spool,
         "--parties: the parties keep correlations of a query in a file in this folder, and "
         "read them layer by layer: less memory, more time")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--check-range", o.check_range,
               "--parties: for debugging, the parties show the client what each layer works on, "
               "which is compared with the range and with the clear; takes time");
}

namespace {

// Whether a file of reports has one of this plan.
bool is_reported(const std::filesystem::path& json, const Json& report) {
  if (!std::filesystem::exists(json)) return false;
  const auto lines = read_json_lines(json);
  return std::ranges::any_of(lines, [&](const Json& line) {
    return std::ranges::all_of(
        std::array{"model", "origin", "relus", "polynomials", "options", "provider", "batch"},
        [&](const char* key) { return line.contains(key) && line[key] == report.at(key); });
  });
}

void run_one(const SecureBenchOptions& o) {
  const Subject subject = make_subject(o.subject);
  const mpc::SecureNetwork network(subject.graph, secure_options(o));
  const SecurePlan plan = plan_of(o, network, subject.images.shape()[0]);
  check_transfers(o, plan);
  Json line = {{"program", "pi_bench"}, {"revision", std::string(git_revision())}};
  line.update(plan_json(subject, plan));
  if (o.sweep && is_reported(o.json, line)) {
    fmt::print("{} ReLUs: in {} already\n", network.counts().relus, o.json);
    return;
  }
  std::unique_ptr<JsonLines> json;
  if (!o.json.empty()) json = std::make_unique<JsonLines>(o.json);
  const mpc::RangeRecord ranges = mpc::clear_ranges(network, subject.images);
  const SecureResult result = run_roles_of(o, plan, subject.images);
  print_secure_report(subject, plan, result);
  print_ranges(network, ranges, result.steps);
  line.update(result_json(subject, plan, result));
  line["range"] = ranges_json(ranges, result.steps);
  if (json) json->append(line);
}

// All points of a sweep's file, in its order.
void print_sweep(const std::string& file) {
  fmt::print("{:<20}{:>10}  {:<16}{:>12}{:>12}{:>8}{:>12}{:>12}\n", "sweep", "ReLUs", "network",
             "median", "best", "rounds", "MB a party", "offline");
  for (const Json& line : read_json_lines(file)) {
    if (line.value("program", "") != "pi_bench" || !line.contains("networks")) continue;
    for (const Json& network : line["networks"])
      fmt::print("{:<20}{:>10}  {:<16}{:>9.1f} ms{:>9.1f} ms{:>8}{:>12.2f}{:>9.1f} ms\n",
                 line.value("model", ""), line.value("relus", 0), network.value("name", ""),
                 1e3 * network.value("online_median", 0.0), 1e3 * network.value("online_best", 0.0),
                 network.value("rounds", 0), network.value("bytes_party0", 0.0) / 1e6,
                 1e3 * line.value("offline_seconds", 0.0));
  }
  fmt::print("./apps/report {} plots them\n", file);
}

}  // namespace

int run_secure_bench(SecureBenchOptions o) {
  // A process that forks must not have threads; each role sets its own number.
  set_thread_count(1);
  if (!o.sweep) {
    run_one(o);
    return 0;
  }
  require(!o.json.empty(), "--sweep keeps its points in a file; give --json FILE");
  require(o.subject.budget < 0, "--sweep chooses the budgets; leave --budget out");
  for (const std::int64_t budget : kSweepBudgets) {
    o.subject.budget = budget;
    run_one(o);
    fmt::print("\n");
  }
  print_sweep(o.json);
  return 0;
}

}  // namespace hush::apps
