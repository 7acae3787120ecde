#include "apps/serve/lane.h"

namespace hush::apps {

Lane::Lane(int party, std::filesystem::path store, Evaluator& evaluator, std::size_t batch)
    : id_(party),
      path_(std::move(store)),
      evaluator_(evaluator),
      batch_(batch),
      demand_(evaluator.batch_demand(std::int64_t(batch))) {}

void Lane::connect(mpc::Channel& peer, const Id& masks, const mpc::Digest& binding) {
  disconnect();
  store_ = std::make_unique<mpc::CorrelationStore>(
      path_, mpc::StoreIdentity{id_, masks, binding, "dealer"});
  store_->reconcile(peer);
  source_ = std::make_unique<mpc::MemorySource>();
  party_ = std::make_unique<mpc::Party>(id_, peer, *source_, mpc::Generator::from_system());
}

void Lane::disconnect() {
  prepared_.reset();
  at_hand_.clear();
  party_.reset();
  source_.reset();
  store_.reset();
}

void Lane::remove_store() {
  disconnect();
  std::filesystem::remove(path_);
}

void Lane::keep(Dealt& dealt) {
  at_hand_.emplace_back();
  at_hand_.back().name = {dealt.session, dealt.number};
  at_hand_.back().source.add(std::move(dealt.source));
}

void Lane::fetch(std::uint64_t count) {
  const std::uint64_t first = store_->next();
  std::vector<mpc::MemorySource> batches(count);
  store_->burn(demand_, batches);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    at_hand_.emplace_back();
    at_hand_.back().name.number = first + i;
    at_hand_.back().source.add(std::move(batches[i]));
  }
}

void Lane::prepare() {
  source_->add(std::move(at_hand_.front().source));
  at_hand_.pop_front();
  prepared_ = evaluator_.prepare(*source_, std::int64_t(batch_));
}

Tensor Lane::run(const Tensor& images) {
  return evaluator_.run(*party_, std::move(prepared_), images);
}

}  // namespace hush::apps
