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

std::span<const std::byte> bytes_of(const SecretWords& words) {
  return std::as_bytes(std::span(words.data(), words.size()));
}
std::span<std::byte> bytes_of(SecretWords& words) {
  return std::as_writable_bytes(std::span(words.data(), words.size()));
}

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
  load_batches();
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

void CorrelationStore::load_batches() {
  for (std::uint64_t offset = kDataOffset; offset < state_.data_end;) {
    const BatchHeader header = read_batch_header(*file_, offset, state_);
    if (!batches_.empty() && header.index <= batches_.back().header.index)
      throw StoreDamaged(fmt::format("store {}: its batches are out of order", file_->name()));
    batches_.push_back({header, offset});
    offset += kBatchHeaderBytes + header.payload;
  }
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

// Of the batches to come: number, origin and demand.
Digest CorrelationStore::live_digest() const {
  Sha256 sha;
  for (const Batch& batch : batches_) {
    if (batch.header.index < state_.next) continue;
    std::array<std::byte, 8> index;
    store_little_endian(index.data(), batch.header.index);
    sha.update(index);
    sha.update(batch.header.epoch);
    sha.update(batch.header.demand);
  }
  return sha.digest();
}

// Drops all batches outside of [next, end).
void CorrelationStore::keep_batches(std::uint64_t next, std::uint64_t end) {
  StoreState state = state_;
  state.next = next;
  state.end = end;
  while (!batches_.empty() && batches_.back().header.index >= end) {
    state.data_end = batches_.back().offset;
    batches_.pop_back();
  }
  if (next != state_.next || end != state_.end || state.data_end != state_.data_end) commit(state);
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
  if (state_.next == state_.end && state_.data_end != kDataOffset) {
    StoreState empty = state_;
    empty.data_end = kDataOffset;
    commit(empty);
    batches_.clear();
  }
  BatchHeader header;
  header.index = state_.end;
  header.payload = demand.share_bytes(identity_.party);
  header.epoch = epoch_;
  header.demand = sha256(demand.text());
  try {
    file_->reserve(state_.data_end, kBatchHeaderBytes + header.payload);
    write_batch(demand, source, header);
  } catch (...) {
    reconciled_ = false;  // the peer may have one batch more now
    throw;
  }
}

void CorrelationStore::write_batch(const Demand& demand, CorrelationSource& source,
                                   const BatchHeader& header) {
  Sha256 sha = start_batch_digest(id_, header);
  std::uint64_t offset = state_.data_end + kBatchHeaderBytes;
  for (const CorrelationRequest& request : demand.requests()) {
    const CorrelationShare share = source.take(request);
    for (const SecretWords& field : share.fields) {
      sha.update(bytes_of(field));
      file_->write(offset, bytes_of(field));
      offset += field.size() * sizeof(Ring);
    }
  }
  BatchHeader sealed = header;
  sealed.digest = sha.digest();
  file_->write(state_.data_end, encode_batch_header(sealed));
  file_->sync();
  StoreState state = state_;
  state.end = header.index + 1;
  state.data_end = offset;
  const std::uint64_t place = state_.data_end;
  commit(state);
  batches_.push_back({sealed, place});
}

void CorrelationStore::burn(const Demand& demand, MemorySource& source) {
  require_usable();
  require(reconciled_, "store {}: reconcile it with the peer before using it", file_->name());
  const auto found = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& batch) {
    return batch.header.index == state_.next;
  });
  if (state_.next == state_.end || found == batches_.end())
    throw CorrelationsExhausted(fmt::format(
        "store {}: no correlations are left; run the offline phase again", file_->name()));
  require(found->header.demand == sha256(demand.text()) &&
              found->header.payload == demand.share_bytes(identity_.party),
          "store {}: its next batch was made for another demand", file_->name());
  StoreState state = state_;
  ++state.next;
  commit(state);
  read_batch(demand, *found, source);
  file_->discard(found->offset + kBatchHeaderBytes, found->header.payload);
}

void CorrelationStore::read_batch(const Demand& demand, const Batch& batch,
                                  MemorySource& source) const {
  MemorySource read;
  Sha256 sha = start_batch_digest(id_, batch.header);
  std::uint64_t offset = batch.offset + kBatchHeaderBytes;
  for (const CorrelationRequest& request : demand.requests()) {
    CorrelationShare share = empty_share(request, identity_.party);
    for (SecretWords& field : share.fields) {
      file_->read(offset, bytes_of(field));
      sha.update(bytes_of(field));
      offset += field.size() * sizeof(Ring);
    }
    read.add(request, std::move(share));
  }
  const Digest digest = sha.digest();
  if (sodium_memcmp(digest.data(), batch.header.digest.data(), digest.size()) != 0)
    throw StoreDamaged(
        fmt::format("store {}: batch {} is damaged, and lost; reconcile with the "
                    "peer and go on with the next",
                    file_->name(), batch.header.index));
  source.add(std::move(read));
}

}  // namespace hush::mpc
