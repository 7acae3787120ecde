// A computing party of the benchmark, and the dealer.
#include <sys/resource.h>

#include "apps/secure_bench/messages.h"
#include "apps/secure_bench/roles.h"
#include "core/thread_pool.h"
#include "mpc/offline/dealer.h"
#include "mpc/offline/spooled_source.h"

namespace hush::apps {
namespace {

using namespace mpc;

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
  double provide(const Demand& demand, CorrelationSink& sink) {
    if (demand.requests().empty()) return 0;
    if (ot_) {
      const Traffic before = peer_.traffic();
      ot_->provide(demand, sink);
      return double((peer_.traffic() - before).bytes_sent);
    }
    receive_correlations(id_, demand, dealer(), sink);
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
    if (plan_.spool.empty()) {
      MemorySource source;
      answer(peer, batch, source, source);
    } else {
      SpooledSource source(plan_.spool, id_);
      answer(peer, batch, source, source);
    }
  }

  void answer(Channel& peer, std::int64_t batch, CorrelationSink& sink, CorrelationSource& source) {
    QueryReport report;
    std::optional<PreparedQuery> query;
    report.offline = measure(peer_, [&] {
      report.offline_bytes = provide(network_.demand(batch), sink);
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
    std::vector<Tensor> shown;  // copies: a step may overwrite its input
    ShareObserver show;
    if (plan_.check_range)
      show = [&](const Step& step, const Share& input) {
        if (ranges_.find(step) != nullptr) shown.push_back(input.part.clone());
      };
    report.online = measure(peer, [&] {
      converse(party, model_.infer(party, std::move(*query), images, logits, observe, show));
    });
    for (double& mark : marks) mark -= report.online.begin;
    report.peak_memory = peak_bytes();
    client_.send_array(logits.words(), kLogits);
    client_.send_array(std::span(&report, 1), kReport);
    client_.send_array(marks, kMarks);
    for (const Tensor& share : shown) client_.send_array(share.values<Ring>(), kShown);
    client_.flush();
  }

  int id_;
  Links& links_;
  const SecurePlan& plan_;
  const SecureNetwork& network_;
  Channel& peer_;
  Channel& client_;
  SecureModel model_;
  RangeRecord ranges_{network_};
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

}  // namespace hush::apps
