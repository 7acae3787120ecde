// A computing party of the benchmark, and the dealer.
#include <sys/resource.h>

#include "apps/secure_bench/roles.h"
#include "core/thread_pool.h"
#include "mpc/offline/dealer.h"

namespace hush::apps {
namespace {

using namespace mpc;

constexpr Tag kImages{0x03e0};
constexpr Tag kLogits{0x03e1};
constexpr Tag kReport{0x03e2};
constexpr Tag kMarks{0x03e3};

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) * 1024;
}

class SecureBenchParty {
 public:
  SecureBenchParty(int id, Links& links, const SecurePlan& plan)
      : id_(id),
        links_(links),
        plan_(plan),
        network_(*plan.network),
        peer_(*links[std::size_t(1 - id)]),
        client_(*links[std::size_t(Role::client)]),
        model_(network_) {
    if (plan.provider == Provider::ot) ot_.emplace(id, peer_, Generator::from_system(), plan.ot);
  }

  void run() {
    set_up();
    for (std::size_t i = 0; i < plan_.runs.size(); ++i) {
      Channel& peer = i == 0 ? peer_ : *links_.more[i - 1];
      for (const std::int64_t batch : plan_.queries(plan_.runs[i])) answer(peer, batch);
    }
  }

 private:
  Channel& dealer() {
    return *links_[std::size_t(plan_.provider == Provider::client ? Role::client : Role::dealer)];
  }

  // Returns the bytes that it took.
  double provide(const Demand& demand, MemorySource& source) {
    if (demand.requests().empty()) return 0;
    if (ot_) {
      const Traffic before = peer_.traffic();
      ot_->provide(demand, source);
      return double((peer_.traffic() - before).bytes_sent);
    }
    receive_correlations(id_, demand, dealer(), source);
    return double(demand.dealt_bytes(id_));
  }

  void set_up() {
    SecureWeights weights;
    if (network_.options().weights != WeightMode::owner || id_ == 0) {
      weights = network_.empty_weights();
      receive_weights(client_, weights);
    }
    MemorySource source;
    QueryReport report;
    meet(peer_);
    report.offline = measure(peer_, [&] { provide(network_.demand_set_up(), source); });
    Party party(id_, peer_, source, Generator::from_system());
    meet(peer_);
    report.online =
        measure(peer_, [&] { converse(party, model_.set_up(party, std::move(weights))); });
    report.peak_memory = peak_bytes();
    client_.send_array(std::span(&report, 1), kReport);
    client_.flush();
  }

  void answer(Channel& peer, std::int64_t batch) {
    MemorySource source;
    QueryReport report;
    std::optional<PreparedQuery> query;
    report.offline = measure(peer_, [&] {
      report.offline_bytes = provide(network_.demand(batch), source);
      query.emplace(model_.prepare(source, batch));
    });
    const Share images{Tensor::empty(network_.input_shape(batch), DType::ring64)};
    const Share logits{Tensor::empty(network_.output_shape(batch), DType::ring64)};
    client_.receive_array(images.words(), kImages);

    Party party(id_, peer, source, Generator::from_system());
    std::vector<double> marks;
    meet(peer);
    const auto observe = [&](std::size_t, bool) {
      marks.push_back(clock_seconds(CLOCK_MONOTONIC));
    };
    report.online = measure(peer, [&] {
      converse(party, model_.infer(party, std::move(*query), images, logits, observe));
    });
    for (double& mark : marks) mark -= report.online.begin;
    report.peak_memory = peak_bytes();
    client_.send_array(logits.words(), kLogits);
    client_.send_array(std::span(&report, 1), kReport);
    client_.send_array(marks, kMarks);
    client_.flush();
  }

  int id_;
  Links& links_;
  const SecurePlan& plan_;
  const SecureNetwork& network_;
  Channel& peer_;
  Channel& client_;
  SecureModel model_;
  std::optional<OtProvider> ot_;
};

}  // namespace

std::vector<std::int64_t> SecurePlan::queries(const NetworkRun& run) const {
  std::vector<std::int64_t> sizes;
  for (std::int64_t left = run.images; left > 0; left -= batch)
    sizes.push_back(std::min(batch, left));
  return sizes;
}

void run_secure_party(int id, Links& links, const SecurePlan& plan) {
  set_thread_count(plan.threads);
  SecureBenchParty(id, links, plan).run();
}

void run_secure_dealer(Links& links, const SecurePlan& plan) {
  set_thread_count(plan.threads);
  Dealer dealer(Generator::from_system());
  const SecureNetwork& network = *plan.network;
  if (const Demand demand = network.demand_set_up(); !demand.requests().empty())
    dealer.deal(demand, *links[0], *links[1]);
  for (const NetworkRun& run : plan.runs)
    for (const std::int64_t batch : plan.queries(run))
      dealer.deal(network.demand(batch), *links[0], *links[1]);
}

namespace {

// Both parties' word on one query as one result, checked against what was promised.
QueryResult joined(const SecurePlan& plan, std::int64_t images,
                   const std::array<QueryReport, 2>& reports) {
  QueryResult result;
  result.images = images;
  result.offline = wall_of(reports[0].offline, reports[1].offline);
  result.online = wall_of(reports[0].online, reports[1].online);
  result.cpu = reports[0].online.cpu + reports[1].online.cpu;
  result.offline_bytes = reports[0].offline_bytes + reports[1].offline_bytes;
  result.cost = {rounds_of(reports[0].online, reports[1].online),
                 {bytes_of(reports[0].online), bytes_of(reports[1].online)}};
  Cost predicted = plan.network->cost(images);
  // An owner's query may share its first round with what came before.
  if (plan.network->options().weights == WeightMode::owner &&
      result.cost.rounds + 1 == predicted.rounds)
    --predicted.rounds;
  if (result.cost != predicted)
    throw Error(fmt::format("{} rounds and {} + {} bytes were measured, {} and {} + {} predicted",
                            result.cost.rounds, result.cost.bytes_sent[0],
                            result.cost.bytes_sent[1], predicted.rounds, predicted.bytes_sent[0],
                            predicted.bytes_sent[1]));
  return result;
}

class SecureBenchClient {
 public:
  SecureBenchClient(Links& links, const SecurePlan& plan)
      : parties_{links[0].get(), links[1].get()},
        plan_(plan),
        network_(*plan.network),
        dealer_(Generator::from_system()) {}

  void set_up(SecureResult& result) {
    SecureWeights weights = network_.weights();
    if (network_.options().weights == WeightMode::shared) {
      const auto parts = share_weights(weights, generator_);
      for (std::size_t i = 0; i < 2; ++i) send_weights(*parties_[i], parts[i]);
    } else {
      send_weights(*parties_[0], weights);
      if (network_.options().weights == WeightMode::open) send_weights(*parties_[1], weights);
    }
    deal(network_.demand_set_up());
    std::array<QueryReport, 2> reports;
    for (std::size_t i = 0; i < 2; ++i)
      parties_[i]->receive_array(std::span(&reports[i], 1), kReport);
    result.set_up = wall_of(reports[0].offline, reports[1].offline) +
                    wall_of(reports[0].online, reports[1].online);
    result.set_up_cost = network_.cost_set_up();
  }

  QueryResult ask(const Tensor& images, const Tensor& logits, double& peak_memory) {
    const std::int64_t batch = images.shape()[0];
    deal(network_.demand(batch));
    const auto shares = share(network_.encode_images(images), generator_);
    for (std::size_t i = 0; i < 2; ++i) {
      parties_[i]->send_array(shares[i].words(), kImages);
      parties_[i]->flush();
    }
    std::array<Share, 2> parts;
    std::array<QueryReport, 2> reports;
    std::array<std::vector<double>, 2> marks;
    for (std::size_t i = 0; i < 2; ++i) {
      parts[i].part = Tensor::empty(network_.output_shape(batch), DType::ring64);
      marks[i].resize(2 * network_.waves().size());
      parties_[i]->receive_array(parts[i].words(), kLogits);
      parties_[i]->receive_array(std::span(&reports[i], 1), kReport);
      parties_[i]->receive_array(marks[i], kMarks);
      peak_memory = std::max(peak_memory, reports[i].peak_memory);
    }
    logits.assign(network_.decode_logits(reveal(parts[0], parts[1])));
    QueryResult result = joined(plan_, batch, reports);
    result.marks = std::move(marks[0]);
    return result;
  }

 private:
  void deal(const Demand& demand) {
    if (plan_.provider == Provider::client && !demand.requests().empty())
      dealer_.deal(demand, *parties_[0], *parties_[1]);
  }

  std::array<Channel*, 2> parties_;
  const SecurePlan& plan_;
  const SecureNetwork& network_;
  Generator generator_ = Generator::from_system();
  Dealer dealer_;
};

}  // namespace

SecureResult run_secure_client(Links& links, const SecurePlan& plan, const Tensor& images,
                               const std::function<void(std::int64_t)>& progress) {
  SecureBenchClient client(links, plan);
  SecureResult result;
  client.set_up(result);
  std::int64_t done = 0;
  for (const NetworkRun& run : plan.runs) {
    RunResult answers;
    answers.logits = Tensor::empty(plan.network->output_shape(run.images), DType::float32);
    std::int64_t first = 0;
    for (const std::int64_t batch : plan.queries(run)) {
      answers.queries.push_back(client.ask(images.rows(first, batch),
                                           answers.logits.rows(first, batch), result.peak_memory));
      first += batch;
      done += batch;
      progress(done);
    }
    result.runs.push_back(std::move(answers));
  }
  return result;
}

}  // namespace hush::apps
