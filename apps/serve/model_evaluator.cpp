#include "apps/serve/model_evaluator.h"

#include <fmt/ranges.h>

#include "apps/serve/model_card.h"

namespace hush::apps {
namespace {

// Of one party's correlations for one evaluation: a few of them lie in memory at a time.
constexpr std::uint64_t kMostBatchBytes = std::uint64_t{1} << 30;

struct PreparedModel final : Evaluator::Prepared {
  explicit PreparedModel(mpc::PreparedQuery given) : query(std::move(given)) {}
  mpc::PreparedQuery query;
};

class ModelEvaluator final : public Evaluator {
 public:
  explicit ModelEvaluator(SplitModel split) : split_(std::move(split)), network_(*split_.network) {}

  mpc::Demand mask_demand() const override { return network_.demand_set_up(); }
  mpc::Demand batch_demand(std::int64_t rows) const override { return network_.demand(rows); }

  // A new model each time: what a broken connection left half set up is gone.
  void set_up(mpc::Party& party) override {
    model_ = std::make_unique<mpc::SecureModel>(network_);
    mpc::converse(party, model_->set_up(party, split_.weights));
  }

  std::unique_ptr<Prepared> prepare(mpc::CorrelationSource& source, std::int64_t rows) override {
    return std::make_unique<PreparedModel>(model_->prepare(source, rows));
  }

  Tensor run(mpc::Party& party, std::unique_ptr<Prepared> prepared, const Tensor& images) override {
    mpc::Share x{images};
    mpc::Share y{Tensor::empty(network_.output_shape(images.shape()[0]), DType::ring64)};
    auto& query = dynamic_cast<PreparedModel&>(*prepared).query;
    mpc::converse(party, model_->infer(party, std::move(query), x, y));
    return y.part;
  }

 private:
  SplitModel split_;
  const mpc::SecureNetwork& network_;
  std::unique_ptr<mpc::SecureModel> model_;
};

mpc::Digest joint(const mpc::Session& session) {
  mpc::Sha256 sha;
  sha.update(session.graph);
  sha.update(session.options);
  return sha.digest();
}

}  // namespace

mpc::Session session_of(const SplitModel& model, const std::vector<std::size_t>& batches) {
  mpc::Session session;
  session.graph = model.network->digest();
  session.options =
      mpc::sha256(fmt::format("split {} options {} batches {}", mpc::hex(model.identity),
                              model.network->options().text(), fmt::join(batches, " ")));
  return session;
}

std::string card_of(const SplitModel& model, const ClientLimits& limits) {
  const mpc::SecureNetwork& network = *model.network;
  const auto& result = network.values()[std::size_t(network.output())];
  ModelCard card;
  card.name = model.name;
  card.info = model.info;
  card.info.options.clear();  // how it was trained is nobody's business
  card.image_bits = network.values()[std::size_t(network.input())].scale;
  card.result_bits = result.scale;
  card.result_factor = result.factor;
  card.most_images = int(limits.most_images);
  card.identity = mpc::hex(model.identity);
  return card.text();
}

ServerModel server_model(SplitModel model, const std::vector<std::size_t>& batches,
                         const ClientLimits& limits) {
  ServerModel result;
  result.name = model.name;
  result.card = card_of(model, limits);
  result.image = model.info.image;
  result.classes = model.info.classes;
  result.session = session_of(model, batches);
  result.binding = joint(result.session);
  result.batches = batches;
  (void)demand_of(*model.network, batches);  // refuses what is too large before anything starts
  result.evaluator = std::make_unique<ModelEvaluator>(std::move(model));
  return result;
}

ModelDemand demand_of(const mpc::SecureNetwork& network, const std::vector<std::size_t>& batches) {
  ModelDemand demand{network.demand_set_up(), {}};
  for (const std::size_t batch : batches) {
    demand.batches.push_back(network.demand(std::int64_t(batch)));
    const std::uint64_t bytes = demand.batches.back().share_bytes(0);
    require(bytes <= kMostBatchBytes,
            "correlations for {} images take {:.1f} GB a party, more than {:.1f}: give smaller "
            "--batches, or split the model with --relu carry",
            batch, 1e-9 * double(bytes), 1e-9 * double(kMostBatchBytes));
  }
  return demand;
}

}  // namespace hush::apps
