#include "mpc/offline/store_format.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "mpc/channel/channel_error.h"
#include "mpc/channel/little_endian.h"

namespace hush::mpc {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kIdentityBytes = 8 + 4 + 4 + 16 + 32 + 32 + 16 + 32;
constexpr std::size_t kStateBytes = 8 + 4 * 8 + 16 + 32;

using Magic = const char (&)[9];
constexpr char kIdentityMagic[] = "HUSHSTOR";
constexpr char kStateMagic[] = "HUSHSTAT";
constexpr char kBatchMagic[] = "HUSHBATC";

// Writes fields one after the other.
class Encoder {
 public:
  explicit Encoder(std::byte* out) : next_(out) {}
  void magic(Magic text) { raw(std::as_bytes(std::span(text, 8))); }
  template <class T>
  void integer(T value) {
    store_little_endian(next_, value);
    next_ += sizeof value;
  }
  void raw(std::span<const std::byte> bytes) {
    next_ = std::copy(bytes.begin(), bytes.end(), next_);
  }

 private:
  std::byte* next_;
};

class Decoder {
 public:
  explicit Decoder(const std::byte* in) : next_(in) {}
  bool magic(Magic text) {
    const bool same = std::memcmp(next_, text, 8) == 0;
    next_ += 8;
    return same;
  }
  template <class T>
  T integer() {
    const T value = load_little_endian<T>(next_);
    next_ += sizeof value;
    return value;
  }
  template <std::size_t kSize>
  void raw(std::array<std::byte, kSize>& bytes) {
    std::copy_n(next_, kSize, bytes.begin());
    next_ += kSize;
  }

 private:
  const std::byte* next_;
};

template <std::size_t kSize>
void seal(std::array<std::byte, kSize>& bytes) {
  const Digest digest = sha256(std::span(bytes).first(kSize - sizeof(Digest)));
  std::copy(digest.begin(), digest.end(), bytes.end() - sizeof(Digest));
}
template <std::size_t kSize>
bool is_sealed(const std::array<std::byte, kSize>& bytes) {
  const Digest digest = sha256(std::span(bytes).first(kSize - sizeof(Digest)));
  return sodium_memcmp(digest.data(), bytes.data() + kSize - sizeof(Digest), sizeof digest) == 0;
}

[[noreturn]] void damaged(const StoreFile& file, const std::string& what) {
  throw StoreDamaged(fmt::format(
      "store {}: {}; remove it and prepare new correlations with the peer", file.name(), what));
}

std::array<std::byte, kIdentityBytes> encode_identity(const StoreIdentity& identity,
                                                      const FileId& id) {
  std::array<std::byte, kIdentityBytes> bytes{};
  Encoder out(bytes.data());
  out.magic(kIdentityMagic);
  out.integer(kVersion);
  out.integer(std::uint32_t(identity.party));
  out.raw(identity.session);
  out.raw(identity.graph);
  out.raw(sha256(identity.provider));
  out.raw(id);
  seal(bytes);
  return bytes;
}

std::optional<StoreState> read_one_state(const StoreFile& file, std::uint64_t offset,
                                         const FileId& id, bool& blank) {
  std::array<std::byte, kStateBytes> bytes;
  file.read(offset, bytes);
  blank = std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; });
  Decoder in(bytes.data());
  StoreState state;
  FileId theirs;
  if (!in.magic(kStateMagic)) return std::nullopt;
  state.sequence = in.integer<std::uint64_t>();
  state.next = in.integer<std::uint64_t>();
  state.end = in.integer<std::uint64_t>();
  state.data_end = in.integer<std::uint64_t>();
  in.raw(theirs);
  if (!is_sealed(bytes) || theirs != id) return std::nullopt;
  return state;
}

// Of a slot's header, without itself.
Digest slot_digest(const FileId& id, const std::array<std::byte, kSlotHeaderBytes>& bytes) {
  Sha256 sha;
  sha.update(id);
  sha.update(std::span(bytes).first(bytes.size() - sizeof(Digest)));
  return sha.digest();
}

}  // namespace

void write_identity(StoreFile& file, const StoreIdentity& identity, const FileId& id) {
  file.write(0, encode_identity(identity, id));
}

FileId read_identity(const StoreFile& file, const StoreIdentity& identity) {
  std::array<std::byte, kIdentityBytes> bytes;
  file.read(0, bytes);
  Decoder in(bytes.data());
  if (!in.magic(kIdentityMagic) || !is_sealed(bytes)) damaged(file, "its first bytes are damaged");
  const auto version = in.integer<std::uint32_t>();
  if (version != kVersion)
    damaged(file, fmt::format("it is of version {}, this program writes {}", version, kVersion));
  FileId id;
  std::copy_n(bytes.end() - sizeof(Digest) - sizeof id, sizeof id, id.begin());
  const auto expected = encode_identity(identity, id);
  if (sodium_memcmp(expected.data(), bytes.data(), bytes.size()) != 0)
    throw SessionMismatch(fmt::format(
        "store {}: was made for another party, session, network or provider; use another file",
        file.name()));
  return id;
}

void write_state(StoreFile& file, const FileId& id, const StoreState& state) {
  std::array<std::byte, kStateBytes> bytes{};
  Encoder out(bytes.data());
  out.magic(kStateMagic);
  for (const std::uint64_t value : {state.sequence, state.next, state.end, state.data_end})
    out.integer(value);
  out.raw(id);
  seal(bytes);
  file.write(kStateOffsets[state.sequence % 2], bytes);
}

StoreState read_state(const StoreFile& file, const FileId& id, bool& repaired) {
  bool blank[2];
  std::optional<StoreState> states[2];
  for (const int i : {0, 1}) states[i] = read_one_state(file, kStateOffsets[i], id, blank[i]);
  if (!states[0] && !states[1]) damaged(file, "both copies of its state are damaged");
  repaired = false;
  StoreState state;
  if (states[0] && states[1]) {
    const auto [older, newer] = std::minmax(states[0]->sequence, states[1]->sequence);
    if (newer - older != 1) damaged(file, "the copies of its state do not follow each other");
    state = states[newer == states[0]->sequence ? 0 : 1].value();
  } else {
    const int whole = states[0] ? 0 : 1;
    state = states[whole].value();
    repaired = state.sequence != 1 || !blank[1 - whole];
    if (repaired) state.next = std::min(state.next + kMostBurnt, state.end);
  }
  if (state.next > state.end || state.data_end < kDataOffset)
    damaged(file, "its state contradicts itself");
  if (state.data_end > file.size()) damaged(file, "it is truncated");
  return state;
}

std::array<std::byte, kSlotHeaderBytes> encode_batch_header(const FileId& id,
                                                            const BatchHeader& header) {
  std::array<std::byte, kSlotHeaderBytes> bytes{};
  Encoder out(bytes.data());
  out.magic(kBatchMagic);
  for (const std::uint64_t value : {header.room, header.index, header.payload, header.written})
    out.integer(value);
  out.raw(header.epoch);
  out.raw(header.demand);
  out.raw(header.digest);
  out.raw(slot_digest(id, bytes));
  return bytes;
}

BatchHeader read_batch_header(const StoreFile& file, const FileId& id, std::uint64_t offset,
                              const StoreState& state, bool& whole) {
  std::array<std::byte, kSlotHeaderBytes> bytes;
  if (state.data_end - offset < bytes.size()) damaged(file, "its last batch is cut off");
  file.read(offset, bytes);
  Decoder in(bytes.data());
  BatchHeader header;
  const bool known = in.magic(kBatchMagic);
  for (std::uint64_t* const value : {&header.room, &header.index, &header.payload, &header.written})
    *value = in.integer<std::uint64_t>();
  in.raw(header.epoch);
  in.raw(header.demand);
  in.raw(header.digest);
  Digest seal;
  in.raw(seal);
  if (!known || header.room > state.data_end - offset - bytes.size())
    damaged(file, fmt::format("the batch at byte {} is damaged", offset));
  const Digest right = slot_digest(id, bytes);
  whole =
      sodium_memcmp(seal.data(), right.data(), seal.size()) == 0 && header.payload <= header.room;
  return header;
}

Sha256 start_batch_digest(const FileId& id, const BatchHeader& header) {
  Sha256 sha;
  sha.update(id);
  const auto bytes = encode_batch_header(id, header);
  sha.update(std::span(bytes).first(bytes.size() - 2 * sizeof(Digest)));
  return sha;
}

}  // namespace hush::mpc
