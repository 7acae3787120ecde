#include "mpc/offline/store.h"

#include <sodium.h>
#include <unistd.h>

#include <algorithm>

#include "mpc/channel/little_endian.h"
#include "mpc/ot/generator.h"

namespace hush::mpc {
namespace {

constexpr Tag kStoreRange{0x0220};
constexpr Tag kStoreBatches{0x0221};

Digest random_digest() {
  const Block blocks[] = {system_entropy(), system_entropy()};
  Digest digest;
  std::copy_n(std::as_bytes(std::span(blocks)).begin(), digest.size(), digest.begin());
  return digest;
}

// What stores that belong together have in common.
Digest common_digest(const StoreIdentity& identity) {
  Sha256 sha;
  sha.update(identity.session);
  sha.update(identity.graph);
  sha.update(sha256(identity.provider));
  return sha.digest();
}

// The first message of reconcile.
struct Range {
  std::uint64_t next, end;
  Digest nonce, common;
};

}  // namespace

CorrelationStore::CorrelationStore(const std::filesystem::path& path, const StoreIdentity& identity)
    : CorrelationStore(open_store_file(path), identity) {}

CorrelationStore::CorrelationStore(std::unique_ptr<StoreFile> file, const StoreIdentity& identity)
    : file_(std::move(file)), identity_(identity), process_(getpid()) {
  require(identity.party == 0 || identity.party == 1, "store: party {} is not 0 or 1",
          identity.party);
  // A file this short never had a batch: its maker did not get to the end of `create`.
  if (file_->size() < kDataOffset) create();
  id_ = read_identity(*file_, identity_);
  bool repaired = false;
  state_ = read_state(*file_, id_, repaired);
  cut_off_ = load_slots();
  check_slots();
  if (repaired) commit(state_);
  // What an append left behind that did not come to its end.
  if (file_->size() > state_.data_end) file_->resize(state_.data_end);
}

void CorrelationStore::create() {
  file_->resize(0);
  FileId id;
  const Block random = system_entropy();
  std::copy_n(std::as_bytes(std::span(&random, 1)).begin(), id.size(), id.begin());
  write_identity(*file_, identity_, id);
  write_state(*file_, id, {.sequence = 1});
  file_->sync();
  file_->resize(kDataOffset);
  file_->sync();
}

// True if there is a batch beyond the last one: of an append that was cut off, or that a later
// state has dropped.
bool CorrelationStore::load_slots() {
  bool beyond = false;
  for (std::uint64_t offset = kDataOffset; offset < state_.data_end;) {
    Slot slot{{}, offset, false};
    slot.header = read_batch_header(*file_, id_, offset, state_, slot.used);
    beyond = beyond || (slot.used && slot.header.index >= state_.end);
    offset += kSlotHeaderBytes + slot.header.room;
    slot.used = is_live(slot);
    for (Slot& other : slots_) {
      if (!slot.used || !other.used || other.header.index != slot.header.index) continue;
      if (other.header.written == slot.header.written)
        throw StoreDamaged(
            fmt::format("store {}: has batch {} twice; remove it and prepare new ones",
                        file_->name(), slot.header.index));
      (other.header.written < slot.header.written ? other : slot).used = false;
    }
    slots_.push_back(slot);
  }
  return beyond;
}

// Throws StoreDamaged unless each batch that the state speaks of is there.
void CorrelationStore::check_slots() const {
  const auto live = std::ranges::count_if(slots_, [&](const Slot& slot) { return is_live(slot); });
  if (std::uint64_t(live) != state_.end - state_.next)
    throw StoreDamaged(
        fmt::format("store {}: has {} of {} batches, the others are damaged; remove it and prepare "
                    "new correlations with the peer",
                    file_->name(), live, state_.end - state_.next));
}

// Makes `state` the one on the disk. Everything that it speaks of must have been synced.
void CorrelationStore::commit(StoreState state) {
  state.sequence = state_.sequence + 1;
  failed_ = true;
  write_state(*file_, id_, state);
  file_->sync();
  failed_ = false;
  state_ = state;
}

void CorrelationStore::require_usable() const {
  require(process_ == getpid(), "store {}: was opened before a fork; open it in one process only",
          file_->name());
  if (failed_)
    throw FileError(fmt::format("store {}: a write failed before; open it again", file_->name()));
}

bool CorrelationStore::is_live(const Slot& slot) const {
  return slot.used && slot.header.index >= state_.next && slot.header.index < state_.end;
}

const CorrelationStore::Slot& CorrelationStore::slot_of(std::uint64_t index) const {
  const auto found = std::ranges::find_if(
      slots_, [&](const Slot& slot) { return is_live(slot) && slot.header.index == index; });
  require(found != slots_.end(), "store {}: has no batch {}", file_->name(), index);
  return *found;
}

// Of the batches to come: number, origin and demand.
Digest CorrelationStore::live_digest() const {
  Sha256 sha;
  for (std::uint64_t next = state_.next; next < state_.end; ++next) {
    const BatchHeader& header = slot_of(next).header;
    std::array<std::byte, 8> index;
    store_little_endian(index.data(), header.index);
    sha.update(index);
    sha.update(header.epoch);
    sha.update(header.demand);
  }
  return sha.digest();
}

// Drops all batches outside of [next, end).
void CorrelationStore::keep_batches(std::uint64_t next, std::uint64_t end) {
  StoreState state = state_;
  state.next = next;
  state.end = end;
  if (next != state_.next || end != state_.end) commit(state);
  for (Slot& slot : slots_) slot.used = is_live(slot);
}

void CorrelationStore::reconcile(Channel& peer) {
  require_usable();
  const Range mine = {state_.next, state_.end, random_digest(), common_digest(identity_)};
  Range theirs;
  peer.exchange_arrays(std::span(&mine, 1), std::span(&theirs, 1), kStoreRange);
  if (sodium_memcmp(mine.common.data(), theirs.common.data(), sizeof mine.common) != 0)
    throw SessionMismatch("store: the peer's is for another session, network or provider");
  if (theirs.next > theirs.end || theirs.end >> 62 != 0)
    throw ProtocolViolation(
        fmt::format("store: the peer claims batches {} to {}", theirs.next, theirs.end));
  const std::uint64_t next = std::max(mine.next, theirs.next);
  keep_batches(next, std::max(next, std::min(mine.end, theirs.end)));

  Sha256 epoch;
  epoch.update((identity_.party == 0 ? mine : theirs).nonce);
  epoch.update((identity_.party == 0 ? theirs : mine).nonce);
  epoch_ = epoch.digest();

  const Digest live = live_digest();
  Digest live_theirs;
  peer.exchange_arrays(live, live_theirs, kStoreBatches);
  if (live != live_theirs)
    throw SessionMismatch(
        fmt::format("store {}: the peer's holds other batches; remove both and prepare new ones",
                    file_->name()));
  reconciled_ = true;
}

void CorrelationStore::append(const Demand& demand, CorrelationSource& source) {
  require_usable();
  require(reconciled_, "store {}: reconcile it with the peer before adding to it", file_->name());
  // Whatever holds this batch's index already gets an older `written` than this batch.
  if (cut_off_) commit(state_);
  cut_off_ = false;
  try {
    Slot slot = place_for(demand.share_bytes(identity_.party));
    slot.header.index = state_.end;
    slot.header.written = state_.sequence;
    slot.header.epoch = epoch_;
    slot.header.demand = sha256(demand.text());
    file_->reserve(slot.offset, kSlotHeaderBytes + slot.header.payload);
    write_batch(demand, source, slot);
  } catch (...) {
    reconciled_ = false;  // the peer may have one batch more now
    cut_off_ = true;
    throw;
  }
}

// The first free slot that is large enough, or a new one at the end.
CorrelationStore::Slot CorrelationStore::place_for(std::uint64_t payload) {
  const auto fits = [&](const Slot& slot) { return !is_live(slot) && slot.header.room >= payload; };
  const auto found = std::ranges::find_if(slots_, fits);
  Slot slot{{}, state_.data_end, true};
  slot.header.room = slot.header.payload = payload;
  if (found != slots_.end()) {
    slot.header.room = found->header.room;
    slot.offset = found->offset;
  } else if (state_.next == state_.end && !slots_.empty()) {
    // Nothing to keep, and no slot that serves: the file begins anew.
    StoreState empty = state_;
    slot.offset = empty.data_end = kDataOffset;
    commit(empty);
    slots_.clear();
  }
  return slot;
}

void CorrelationStore::write_batch(const Demand& demand, CorrelationSource& source, Slot slot) {
  Sha256 sha = start_batch_digest(id_, slot.header);
  std::uint64_t offset = slot.offset + kSlotHeaderBytes;
  for (const CorrelationRequest& request : demand.requests()) {
    const CorrelationShare share = source.take(request);
    for (const SecretWords& field : share.fields) {
      sha.update(bytes_of(field));
      file_->write(offset, bytes_of(field));
      offset += field.size() * sizeof(Ring);
    }
  }
  slot.header.digest = sha.digest();
  file_->write(slot.offset, encode_batch_header(id_, slot.header));
  file_->sync();
  StoreState state = state_;
  state.end = slot.header.index + 1;
  state.data_end = std::max(state.data_end, slot.offset + kSlotHeaderBytes + slot.header.room);
  commit(state);
  const auto same = std::ranges::find(slots_, slot.offset, &Slot::offset);
  if (same == slots_.end())
    slots_.push_back(slot);
  else
    *same = slot;
}

void CorrelationStore::burn(const Demand& demand, std::span<MemorySource> sources) {
  require_usable();
  require(reconciled_, "store {}: reconcile it with the peer before using it", file_->name());
  require(sources.size() <= kMostBurnt, "store {}: {} batches at once, at most {} are possible",
          file_->name(), sources.size(), kMostBurnt);
  if (sources.size() > available())
    throw CorrelationsExhausted(fmt::format(
        "store {}: no correlations are left; run the offline phase again", file_->name()));
  std::vector<Slot> burnt;
  const Digest digest = sha256(demand.text());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    burnt.push_back(slot_of(state_.next + i));
    const BatchHeader& header = burnt.back().header;
    require(header.demand == digest && header.payload == demand.share_bytes(identity_.party),
            "store {}: its next batch was made for another demand", file_->name());
  }
  StoreState state = state_;
  state.next += sources.size();
  commit(state);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    read_batch(demand, burnt[i], sources[i]);
    file_->discard(burnt[i].offset + kSlotHeaderBytes, burnt[i].header.payload);
  }
}

void CorrelationStore::read_batch(const Demand& demand, const Slot& slot,
                                  MemorySource& source) const {
  MemorySource read;
  Sha256 sha = start_batch_digest(id_, slot.header);
  std::uint64_t offset = slot.offset + kSlotHeaderBytes;
  for (const CorrelationRequest& request : demand.requests()) {
    CorrelationShare share = unfilled_share(request, identity_.party);
    for (SecretWords& field : share.fields) {
      file_->read(offset, bytes_of(field));
      sha.update(bytes_of(field));
      offset += field.size() * sizeof(Ring);
    }
    read.add(request, std::move(share));
  }
  const Digest digest = sha.digest();
  if (sodium_memcmp(digest.data(), slot.header.digest.data(), digest.size()) != 0)
    throw StoreDamaged(
        fmt::format("store {}: batch {} is damaged, and lost; reconcile with the "
                    "peer and go on with the next",
                    file_->name(), slot.header.index));
  source.add(std::move(read));
}

}  // namespace hush::mpc
