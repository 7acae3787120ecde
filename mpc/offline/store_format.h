// The bytes of a correlation store (store.h); integers are little-endian.
//
//   offset 0      identity    magic "HUSHSTOR", version u32, party u32, session 16, graph 32,
//                             provider 32 (SHA-256 of its name), file id 16, SHA-256 of these
//   offset 4096   state A     magic "HUSHSTAT", sequence u64, next u64, end u64, data end u64,
//   offset 8192   state B     file id 16, SHA-256 of these
//   offset 12288  slots       one after the other up to data end; each: magic "HUSHBATC", room
//                             u64, index u64, payload bytes u64, written u64, epoch 32, demand 32
//                             (SHA-256 of its text), SHA-256 of file id, these and the payload,
//                             SHA-256 of file id and all of these; then room for a payload: fields
//                             of all shares, in order
//
// Slots are used again, so that the file does not grow without end. A slot holds a batch if its
// header is whole (the last digest) and its index is in [next, end); if several do, the one with
// the largest `written` counts, the sequence number of the state before the batch was added. Any
// other slot is free: burnt, dropped, or cut off while it was written. Magic and room are the same
// whatever is written into a slot, so that a torn header does not hide the slots behind it.
//
// States are written in turn, so that one of them is always whole. Their sequence numbers follow
// each other; the larger one counts. If the other one is damaged, it may have been the newer:
// whoever reads it must assume that kMostBurnt more batches were burnt.
#pragma once

#include <array>
#include <optional>

#include "mpc/channel/sha256.h"
#include "mpc/offline/store_file.h"

namespace hush::mpc {

// The file is not what this program wrote: damaged, truncated, or of another version.
struct StoreDamaged : FileError {
  using FileError::FileError;
};

using FileId = std::array<std::byte, 16>;

inline constexpr std::uint64_t kStateOffsets[] = {4096, 8192};
inline constexpr std::uint64_t kDataOffset = 12288;
inline constexpr std::size_t kSlotHeaderBytes = 8 + 4 * 8 + 4 * sizeof(Digest);
inline constexpr std::uint64_t kMostBurnt = 16;  // batches that one new state burns

struct StoreIdentity {
  int party = 0;
  std::array<std::byte, 16> session{};
  Digest graph{};        // of the network, its options, and whatever else must not change
  std::string provider;  // "ot", "dealer", …
};

struct StoreState {
  std::uint64_t sequence = 0;
  std::uint64_t next = 0;  // the first batch that is not burnt
  std::uint64_t end = 0;   // one past the last batch
  std::uint64_t data_end = kDataOffset;
};

struct BatchHeader {
  std::uint64_t room = 0;  // bytes of the slot
  std::uint64_t index = 0;
  std::uint64_t payload = 0;  // bytes
  std::uint64_t written = 0;
  Digest epoch{};
  Digest demand{};
  Digest digest{};
};

void write_identity(StoreFile& file, const StoreIdentity& identity, const FileId& id);
// Returns the file id. Throws StoreDamaged; SessionMismatch if the store is of another identity.
FileId read_identity(const StoreFile& file, const StoreIdentity& identity);

void write_state(StoreFile& file, const FileId& id, const StoreState& state);
// The state to go on from, by the rule above; `repaired` tells that one was damaged. Throws
// StoreDamaged if both are, or if they do not follow each other or contradict the file's size.
StoreState read_state(const StoreFile& file, const FileId& id, bool& repaired);

std::array<std::byte, kSlotHeaderBytes> encode_batch_header(const FileId& id,
                                                            const BatchHeader& header);
// Only what can be checked without the payload; `whole` tells whether the header is, and of one
// that is not, room alone is known. Throws StoreDamaged if there is no slot.
BatchHeader read_batch_header(const StoreFile& file, const FileId& id, std::uint64_t offset,
                              const StoreState& state, bool& whole);

// A digest that starts with all that binds a payload to its place.
Sha256 start_batch_digest(const FileId& id, const BatchHeader& header);

}  // namespace hush::mpc
