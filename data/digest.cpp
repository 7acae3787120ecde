#include "data/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "core/error.h"

namespace hush::data {

void Digest::Free::operator()(evp_md_ctx_st* context) const noexcept {
  EVP_MD_CTX_free(context);
}

Digest::Digest(const std::string& algorithm) : context_(EVP_MD_CTX_new()) {
  const EVP_MD* method = EVP_get_digestbyname(algorithm.c_str());
  if (!context_ || !method || EVP_DigestInit_ex(context_.get(), method, nullptr) != 1)
    throw Error(fmt::format("digest: this OpenSSL does not provide {}", algorithm));
}

void Digest::add(std::span<const std::uint8_t> bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1)
    throw Error("digest: OpenSSL cannot add to a finished digest");
}

void Digest::add_integer(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  for (int i = 0; i < 8; ++i) bytes[i] = std::uint8_t(value >> (8 * i));
  add(bytes);
}

std::string Digest::hex() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes;
  unsigned count = 0;
  if (EVP_DigestFinal_ex(context_.get(), bytes.data(), &count) != 1)
    throw Error("digest: OpenSSL cannot finish a digest twice");
  std::string text;
  for (unsigned i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace hush::data
