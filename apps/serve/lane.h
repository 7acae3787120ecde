// A model at one batch size, in the hands of the evaluating thread: its batches of correlations on
// the disk, and the one that is ready for the next evaluation.
//
// Correlations are never used twice, whatever crashes: a batch is burnt durably before it is used
// (mpc/offline/store.h), stores are bound to the weight masks that their products were dealt for,
// and both parties agree on what they have whenever they connect. What was half used by then is
// gone.
#pragma once

#include <filesystem>

#include "apps/serve/evaluator.h"
#include "apps/serve/mask_file.h"
#include "apps/serve/supply.h"
#include "mpc/offline/store.h"

namespace hush::apps {

class Lane {
 public:
  // `evaluator` must outlive this.
  Lane(int party, std::filesystem::path store, Evaluator& evaluator, std::size_t batch);

  std::size_t batch() const { return batch_; }

  // Opens the store and reconciles it with the peer's. Throws FileError, StoreDamaged.
  void connect(mpc::Channel& peer, const Id& masks, const mpc::Digest& binding);
  void disconnect();
  bool connected() const { return party_ != nullptr; }
  // For batches of masks that are not in use any more.
  void remove_store();

  // Puts a dealt batch behind the others.
  void store(Dealt& dealt) { store_->append(demand_, dealt.source); }
  std::uint64_t next() const { return store_ ? store_->next() : 0; }
  std::uint64_t stored() const { return store_ ? store_->available() : 0; }
  // Burns the next batch.
  void prepare();
  bool prepared() const { return prepared_ != nullptr; }
  // Evaluates with it. Whatever happens, it is used up.
  Tensor run(const Tensor& images);

 private:
  int id_;
  std::filesystem::path path_;
  Evaluator& evaluator_;
  std::size_t batch_;
  mpc::Demand demand_;
  // While connected:
  std::unique_ptr<mpc::CorrelationStore> store_;
  std::unique_ptr<mpc::MemorySource> source_;
  std::unique_ptr<mpc::Party> party_;
  std::unique_ptr<Evaluator::Prepared> prepared_;
};

}  // namespace hush::apps
