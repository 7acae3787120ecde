#include "apps/microbench/ops.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/common/command_line.h"
#include "apps/microbench/links.h"
#include "apps/microbench/measure.h"
#include "apps/microbench/report.h"
#include "apps/microbench/transfers.h"
#include "apps/microbench/work.h"
#include "core/revision.h"
#include "mpc/offline/dealer.h"
#include "mpc/offline/ot_prediction.h"
#include "mpc/offline/ot_provider.h"

namespace hush::apps {
namespace {

using Options = OpsOptions;

bool wants(const Options& o, const std::string& group) {
  return std::find(o.work.groups.begin(), o.work.groups.end(), group) != o.work.groups.end();
}

// All that the roles must agree on.
std::string text_of(const Options& o) {
  return fmt::format(
      "sizes {} width {} groups {} methods {} transfers {} repeats {} provider {} yes {}",
      fmt::join(o.work.sizes, ","), o.work.width, fmt::join(o.work.groups, ","),
      fmt::join(o.work.methods, ","), o.transfers.transfers, o.transfers.repeats, o.provider,
      o.yes_really);
}

mpc::OtOptions ot_options(const Options& o) {
  mpc::OtOptions options;
  if (o.yes_really) options.most_bytes = ~std::uint64_t{0};
  return options;
}

// Why the OT provider cannot do a piece of work; empty if it can.
std::string refusal(const Options& o, const Work& work) {
  if (o.provider != "ot") return {};
  try {
    mpc::Demand demand = work.once();
    demand.add(work.each());
    const mpc::OtOptions limits = ot_options(o);
    const mpc::Cost cost = mpc::predict_ot(limits.extension, demand);
    const std::uint64_t bytes = cost.bytes_sent[0] + cost.bytes_sent[1];
    if (bytes <= limits.most_bytes) return {};
    return fmt::format("{:.1f} GB of oblivious transfer; confirm with --yes-really",
                       double(bytes) / 1e9);
  } catch (const ArgumentError& error) {
    return error.what();
  }
}

// One of the two parties.
class BenchParty {
 public:
  BenchParty(int id, Links& links, const Options& options, Report* report)
      : id_(id),
        peer_(*links[std::size_t(1 - id)]),
        dealer_(links[2].get()),
        options_(options),
        report_(report) {
    if (options.provider == "ot")
      ot_.emplace(id, peer_, mpc::Generator::from_system(), ot_options(options));
  }

  void run(Work& work) {
    const WorkFacts facts = work.facts();
    heading(facts.group);
    const std::string refused = refusal(options_, work);
    if (!refused.empty()) {
      if (report_ != nullptr) report_->skipped(facts.group, facts.name, refused);
      return;
    }
    mpc::MemorySource source;
    mpc::Party party(id_, peer_, source, mpc::Generator::from_system());
    if (const mpc::Demand once = work.once(); !once.requests().empty()) provide(once, source);
    work.set_up(party);
    Row row = row_of(facts);
    std::vector<double> walls;
    for (int i = 0; i < options_.transfers.repeats; ++i) {
      offline(work.each(), source, row);
      work.prepare(party);
      online(work, party, row, walls);
    }
    std::sort(walls.begin(), walls.end());
    row.median = walls[walls.size() / 2];
    check(work);
    if (report_ != nullptr) report_->row(row);
  }

 private:
  Row row_of(const WorkFacts& facts) const {
    Row row;
    row.group = facts.group;
    row.name = facts.name;
    row.unit = facts.unit;
    row.count = facts.count;
    row.offline = options_.provider;
    // Its figures are of loopback.
    if (options_.net == "loopback") row.quoted = facts.crypten;
    row.quoted_from = "CrypTen (measured earlier)";
    return row;
  }

  void heading(const std::string& group) {
    if (group == last_group_) return;
    last_group_ = group;
    if (report_ != nullptr) report_->heading(group + ", online");
  }

  void provide(const mpc::Demand& demand, mpc::MemorySource& source) {
    if (ot_) {
      ot_->provide(demand, source);
    } else {
      mpc::receive_correlations(id_, demand, *dealer_, source);
    }
  }

  void offline(const mpc::Demand& demand, mpc::MemorySource& source, Row& row) {
    meet(peer_);
    const Usage mine = measure(peer_, [&] { provide(demand, source); });
    const Usage theirs = swap_usage(peer_, mine);
    row.offline_seconds = wall_of(mine, theirs);
    row.offline_bytes = ot_ ? double(bytes_of(mine) + bytes_of(theirs))
                            : double(demand.dealt_bytes(0) + demand.dealt_bytes(1));
  }

  void online(Work& work, mpc::Party& party, Row& row, std::vector<double>& walls) {
    meet(peer_);
    const Usage mine = measure(peer_, [&] { work.run(party); });
    const Usage theirs = swap_usage(peer_, mine);
    const std::uint64_t sent[] = {bytes_of(mine), bytes_of(theirs)};
    const mpc::Cost cost{rounds_of(mine, theirs),
                         {sent[std::size_t(id_)], sent[std::size_t(1 - id_)]}};
    if (cost != work.predicted())
      throw Error(fmt::format("{}: {} rounds and {} + {} bytes are not what was predicted",
                              work.facts().name, cost.rounds, sent[0], sent[1]));
    walls.push_back(wall_of(mine, theirs));
    if (walls.back() > *std::min_element(walls.begin(), walls.end())) return;
    row.seconds = walls.back();
    row.cpu = mine.cpu + theirs.cpu;
    row.rounds = cost.rounds;
    row.bytes = double(sent[0] + sent[1]) / 2;
  }

  // A fast wrong answer is no result.
  void check(const Work& work) {
    const std::vector<Ring> mine = work.result();
    std::vector<Ring> theirs(mine.size());
    peer_.exchange_arrays(mine, theirs, mpc::Tag{0x03f3});
    const std::vector<Ring> expected = work.expected();
    for (std::size_t i = 0; i < mine.size(); ++i) {
      const Ring value = work.exclusive() ? mine[i] ^ theirs[i] : mine[i] + theirs[i];
      if (value != expected[i])
        throw Error(fmt::format("{}: element {} is wrong", work.facts().name, i));
    }
  }

  int id_;
  mpc::Channel& peer_;
  mpc::Channel* dealer_;
  const Options& options_;
  Report* report_;
  std::optional<mpc::OtProvider> ot_;
  std::string last_group_;
};

void run_party(int id, Links& links, const Options& o, Report* report) {
  mpc::Channel& peer = *links[std::size_t(1 - id)];
  if (wants(o, "ot")) bench_extensions(id, peer, o.transfers, report);
  if (wants(o, "triples")) bench_provider(id, peer, o.transfers, report);
  BenchParty party(id, links, o, report);
  for (const auto& work : make_works(o.work)) party.run(*work);
}

void run_dealer(Links& links, const Options& o) {
  mpc::Dealer dealer(mpc::Generator::from_system());
  for (const auto& work : make_works(o.work)) {
    const mpc::Demand once = work->once();
    if (!once.requests().empty()) dealer.deal(once, *links[0], *links[1]);
    const mpc::Demand each = work->each();
    for (int i = 0; i < o.transfers.repeats; ++i) dealer.deal(each, *links[0], *links[1]);
  }
}

}  // namespace

int run_ops(const OpsOptions& o) {
  LinkOptions links;
  links.transport = o.transport == "memory" ? TransportKind::memory
                    : o.transport == "tls"  ? TransportKind::tls
                                            : TransportKind::tcp;
  links.network = mpc::parse_network(o.net);
  links.dealer = o.provider == "dealer";
  links.options = text_of(o);
  links.threads = o.device.threads;
  const std::string network = links.network ? links.network->text() : "no emulated network";
  Report report(o.json, {{"program", "pi_bench"},
                         {"revision", std::string(git_revision())},
                         {"transport", o.transport},
                         {"network", network},
                         {"provider", o.provider},
                         {"threads_a_party", o.device.threads},
                         {"options", text_of(o)}});
  fmt::print("two {} over {}, {}; {} thread{} a party; correlations by {}\n",
             o.transport == "memory" ? "threads" : "processes",
             o.transport == "memory" ? "memory" : o.transport + " on loopback", network,
             o.device.threads, o.device.threads == 1 ? "" : "s", o.provider);
  run_roles(links, [&](mpc::Role role, Links& channels) {
    o.device.apply();  // here and not before: threads do not survive a fork
    if (role == mpc::Role::dealer) return run_dealer(channels, o);
    run_party(int(role), channels, o, role == mpc::Role::party0 ? &report : nullptr);
  });
  return 0;
}

void add_ops_options(CLI::App& app, OpsOptions& o) {
  app.add_option("--groups", o.work.groups, "--ops: which operations")
      ->delimiter(',')
      ->check(CLI::IsMember(ops_groups()))
      ->capture_default_str();
  app.add_option("--sizes", o.work.sizes, "--ops: elements of ReLUs and squares")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 26))
      ->capture_default_str();
  app.add_option("--methods", o.work.methods, "--ops: of ReLUs")
      ->delimiter(',')
      ->check(CLI::IsMember({"a2b", "carry", "dcf", "dcf-select"}))
      ->capture_default_str();
  app.add_option("--width", o.work.width,
                 "--ops: bits of a comparison: exact while |x| < 2^(width-1)")
      ->check(CLI::Range(32, 64))
      ->capture_default_str();
  app.add_option("--transfers", o.transfers.transfers, "--ops: oblivious transfers of a row")
      ->check(CLI::Range(8192, 1 << 28))
      ->capture_default_str();
  app.add_option("--repeat", o.transfers.repeats, "--ops: repetitions of a row; the best is shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

const std::vector<std::string>& ops_groups() {
  static const std::vector<std::string> groups = {"ot",    "triples", "relu",
                                                  "drelu", "square",  "conv"};
  return groups;
}

}  // namespace hush::apps
