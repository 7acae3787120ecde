// The client of the benchmark: owns images and model, asks, and checks what comes back.
#include "apps/secure_bench/messages.h"
#include "apps/secure_bench/roles.h"
#include "apps/secure_bench/step_inspection.h"
#include "mpc/offline/dealer.h"

namespace hush::apps {

using namespace mpc;

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
        dealer_(Generator::from_system()) {
    if (plan.check_range) inspection_.emplace(network_);
  }

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
    if (inspection_) inspection_->receive(parties_, images);
    logits.assign(network_.decode_logits(reveal(parts[0], parts[1])));
    QueryResult result = joined(plan_, batch, reports);
    result.marks = std::move(marks[0]);
    return result;
  }

  std::vector<StepAgreement> steps() {
    return inspection_ ? inspection_->take() : std::vector<StepAgreement>();
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
  std::optional<StepInspection> inspection_;
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
  result.steps = client.steps();
  return result;
}

}  // namespace hush::apps
