#include "mpc/channel/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/error.h"

namespace hush::mpc {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

void check(bool success) {
  if (!success) throw Error("OpenSSL could not compute SHA-256");
}

}  // namespace

struct Sha256::State {
  Context context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  check(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::digest() const {
  const Context copy(EVP_MD_CTX_new());
  Digest result;
  check(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1 &&
        EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(result.data()), nullptr) ==
            1);
  return result;
}

Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.digest();
}

Digest sha256(const std::string& text) {
  return sha256(std::as_bytes(std::span(text)));
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

}  // namespace hush::mpc
