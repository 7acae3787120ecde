// A model at one batch size, in the hands of the evaluating thread: its batches of correlations, on
// the disk and in memory, and the one that is ready for the next evaluation.
//
//   dealer ──────────── keep ────────────▶ at hand ── prepare ──▶ prepared ── run ──▶ gone
//      └───── store ───▶ disk ── fetch ──────┘
//
// Writing, reading back and digesting a batch costs as much as evaluating with it. So those that
// will be used soon never see the disk; it holds what is left over, for bursts and restarts.
//
// Correlations are never used twice, whatever crashes. A batch of the disk is burnt durably before
// it is at hand (mpc/offline/store.h); one that never was on the disk dies with the process. Stores
// are bound to the weight masks that their products were dealt for. Both parties agree on what
// they have whenever they connect, begin with nothing at hand, and name each batch that they take.
#pragma once

#include <deque>
#include <filesystem>

#include "apps/serve/evaluator.h"
#include "apps/serve/mask_file.h"
#include "apps/serve/supply.h"
#include "mpc/offline/store.h"

namespace hush::apps {

// Batches of the store that are burnt at a time: one burning waits for the disk.
inline constexpr std::uint64_t kMostFetched = 4;

// The same at both parties: a number in a session with the dealer, or, without one, in the store.
struct BatchName {
  Id deal{};
  std::uint64_t number = 0;
  friend bool operator==(const BatchName&, const BatchName&) = default;
};

class Lane {
 public:
  // `evaluator` must outlive this.
  Lane(int party, std::filesystem::path store, Evaluator& evaluator, std::size_t batch);

  std::size_t batch() const { return batch_; }
  // Of one batch, at this party.
  std::uint64_t bytes() const { return demand_.share_bytes(id_); }

  // Opens the store and reconciles it with the peer's. Throws FileError, StoreDamaged.
  void connect(mpc::Channel& peer, const Id& masks, const mpc::Digest& binding);
  // Drops what is at hand or prepared: the peer may have used it.
  void disconnect();
  bool connected() const { return party_ != nullptr; }
  // For batches of masks that are not in use any more.
  void remove_store();

  // On the disk.
  void store(Dealt& dealt) { store_->append(demand_, dealt.source); }
  std::uint64_t next() const { return store_ ? store_->next() : 0; }
  std::uint64_t stored() const { return store_ ? store_->available() : 0; }
  // In memory.
  void keep(Dealt& dealt);
  void fetch(std::uint64_t count);
  std::uint64_t at_hand() const { return at_hand_.size(); }
  // The one that is taken next. Precondition: there is one at hand.
  const BatchName& front() const { return at_hand_.front().name; }

  void prepare();
  bool prepared() const { return prepared_ != nullptr; }
  // Evaluates with it. Whatever happens, it is used up.
  Tensor run(const Tensor& images);

 private:
  struct Batch {
    BatchName name;
    mpc::MemorySource source;
  };

  int id_;
  std::filesystem::path path_;
  Evaluator& evaluator_;
  std::size_t batch_;
  mpc::Demand demand_;
  // While connected:
  std::unique_ptr<mpc::CorrelationStore> store_;
  std::deque<Batch> at_hand_;
  std::unique_ptr<mpc::MemorySource> source_;  // of the one that is prepared
  std::unique_ptr<mpc::Party> party_;
  std::unique_ptr<Evaluator::Prepared> prepared_;
};

}  // namespace hush::apps
