// Correlations of one party on disk, for one session, network and provider.
//
// A correlation that is used twice leaks data: two inputs under one mask. So the store keeps them
// in *batches*, one for each query to come, and burns a batch before it hands it out: the fact that
// it is used is on the disk before the first byte of it is in memory. After a crash, what was left
// of a batch is gone.
//
// Invariants
//   1. A batch is handed out at most once, whatever happens: each batch that `burn` ever gave
//      lies below `next` of the state on the disk.
//   2. A batch counts only after all of it is on the disk; an append that a crash or a full disk
//      interrupts leaves the store as it was.
//   3. Nothing in the file is believed: sizes come from the demand, every batch is bound to file,
//      index and demand by a digest, and a damaged one is an error and never an answer.
//   4. Batches that the peer has burnt or lost are not used: both start from what both have.
//   5. The file is bounded: a batch goes into the place of one that is burnt, if it fits there.
//      With batches of one size it never has more places than there were batches at once.
// The file holds secrets in the clear (mode 0600) and its digests are no protection from whoever
// may write to it. Never restore it from a copy: an old copy does not know what was burnt. (The
// peer's store still does, and `reconcile` skips what either side has burnt.)
//
// store_format.h gives the bytes. One thread, one process: the file is locked.
#pragma once

#include <vector>

#include "mpc/channel/channel.h"
#include "mpc/offline/correlation_source.h"
#include "mpc/offline/demand.h"
#include "mpc/offline/store_format.h"

namespace hush::mpc {

class CorrelationStore {
 public:
  // Opens the store, or makes an empty one. Throws FileError (locked, not private, disk full),
  // StoreDamaged, SessionMismatch.
  CorrelationStore(const std::filesystem::path& path, const StoreIdentity& identity);
  CorrelationStore(std::unique_ptr<StoreFile> file, const StoreIdentity& identity);

  // Agrees with the peer's store on the batches that both have, and drops all others: the first
  // thing to do with a store, and again after an `append` failed on either side. Two rounds, 80
  // and 32 bytes each way. Throws SessionMismatch if the stores do not belong together.
  void reconcile(Channel& peer);

  // Puts one batch behind the others: everything that `demand` asks for, taken from `source`.
  // On the disk when it returns. Throws FileError if the disk is full, with the store as before
  // and nothing taken.
  void append(const Demand& demand, CorrelationSource& source);

  // Burns the next batches, at most kMostBurnt, and puts one into each of `sources`: several cost
  // one write that is waited for. Throws CorrelationsExhausted if there are fewer, and
  // ArgumentError if one was made for another demand, both without burning anything; StoreDamaged
  // if contents are damaged (all are burnt then).
  void burn(const Demand& demand, std::span<MemorySource> sources);
  void burn(const Demand& demand, MemorySource& source) { burn(demand, std::span(&source, 1)); }

  // Batches are numbered from 0, equally at both parties.
  std::uint64_t next() const { return state_.next; }
  std::uint64_t available() const { return state_.end - state_.next; }

 private:
  // A place in the file, free unless `used` and its batch is not burnt.
  struct Slot {
    BatchHeader header;
    std::uint64_t offset;
    bool used;
  };

  void create();
  bool load_slots();
  void check_slots() const;
  void commit(StoreState state);
  void require_usable() const;
  bool is_live(const Slot& slot) const;
  const Slot& slot_of(std::uint64_t index) const;
  Digest live_digest() const;
  void keep_batches(std::uint64_t next, std::uint64_t end);
  Slot place_for(std::uint64_t payload);
  void write_batch(const Demand& demand, CorrelationSource& source, Slot slot);
  void read_batch(const Demand& demand, const Slot& slot, MemorySource& source) const;

  std::unique_ptr<StoreFile> file_;
  StoreIdentity identity_;
  FileId id_{};
  StoreState state_;
  std::vector<Slot> slots_;  // all, as they lie in the file
  Digest epoch_{};           // of the last reconcile; the same at both parties
  bool reconciled_ = false;
  bool failed_ = false;   // a write failed, so that memory and disk may differ
  bool cut_off_ = false;  // a slot may hold the next index already, of an append that failed
  int process_;
};

}  // namespace hush::mpc
