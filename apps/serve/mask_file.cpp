#include "apps/serve/mask_file.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>

#include "mpc/channel/little_endian.h"
#include "mpc/channel/tls_credentials.h"

namespace hush::apps {
namespace {

constexpr char kMagic[] = "HUSHMASK";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeader = 8 + 4 + 4 + 16 + 32 + 8;
constexpr std::size_t kIdAt = 16;

std::string header_of(const MaskIdentity& identity, const Id& id, std::uint64_t payload) {
  std::string header(kHeader, '\0');
  auto* const out = reinterpret_cast<std::byte*>(header.data());
  std::memcpy(out, kMagic, 8);
  mpc::store_little_endian(out + 8, kVersion);
  mpc::store_little_endian(out + 12, std::uint32_t(identity.party));
  std::memcpy(out + kIdAt, id.data(), id.size());
  std::memcpy(out + 32, identity.binding.data(), identity.binding.size());
  mpc::store_little_endian(out + 64, payload);
  return header;
}

std::string read_private_file(const std::filesystem::path& path, std::size_t size) {
  using std::filesystem::perms;
  if ((std::filesystem::status(path).permissions() & (perms::group_all | perms::others_all)) !=
      perms::none)
    throw FileError(
        fmt::format("{} may be read by others: make it private with chmod 600", path.string()));
  std::ifstream file(path, std::ios::binary);
  std::string content(size, '\0');
  if (!file.read(content.data(), std::streamsize(size)))
    throw FileError(fmt::format("{} cannot be read", path.string()));
  return content;
}

}  // namespace

void write_mask_file(const std::filesystem::path& path, const MaskIdentity& identity, const Id& id,
                     const mpc::Demand& demand, mpc::CorrelationSource& source) {
  std::string content = header_of(identity, id, demand.share_bytes(identity.party));
  content.reserve(content.size() + demand.share_bytes(identity.party) + sizeof(mpc::Digest));
  for (const mpc::CorrelationRequest& request : demand.requests()) {
    const mpc::CorrelationShare share = source.take(request);
    for (const mpc::SecretWords& field : share.fields)
      content.append(reinterpret_cast<const char*>(field.data()), field.size() * sizeof(Ring));
  }
  const mpc::Digest digest = mpc::sha256(std::as_bytes(std::span(content)));
  content.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  mpc::write_whole_file(path, content, mpc::Secrecy::secret);
  sodium_memzero(content.data(), content.size());
}

std::optional<Id> read_mask_file(const std::filesystem::path& path, const MaskIdentity& identity,
                                 const mpc::Demand& demand, mpc::MemorySource& source) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return std::nullopt;
  const std::uint64_t payload = demand.share_bytes(identity.party);
  // Another size means another model, or damage that makes no difference: the masks are replaced.
  if (size != kHeader + payload + sizeof(mpc::Digest)) return std::nullopt;
  std::string content = read_private_file(path, size);
  Id id;
  std::memcpy(id.data(), content.data() + kIdAt, id.size());
  const std::size_t end = kHeader + payload;
  const mpc::Digest digest = mpc::sha256(std::as_bytes(std::span(content)).first(end));
  if (std::memcmp(digest.data(), content.data() + end, digest.size()) != 0)
    throw FileError(
        fmt::format("{} is damaged: remove it, and new masks will be dealt", path.string()));
  if (content.compare(0, kHeader, header_of(identity, id, payload)) != 0) return std::nullopt;
  const char* next = content.data() + kHeader;
  for (const mpc::CorrelationRequest& request : demand.requests()) {
    mpc::CorrelationShare share = mpc::empty_share(request, identity.party);
    for (mpc::SecretWords& field : share.fields) {
      if (field.size() != 0) std::memcpy(field.data(), next, field.size() * sizeof(Ring));
      next += field.size() * sizeof(Ring);
    }
    source.add(request, std::move(share));
  }
  sodium_memzero(content.data(), content.size());
  return id;
}

}  // namespace hush::apps
