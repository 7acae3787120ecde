// Message digests of files and datasets, computed by OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX, so that its headers stay out of ours

namespace hush::data {

// A digest that is fed piece by piece: Digest("sha256"), add(…) …, hex().
class Digest {
 public:
  // `algorithm` is OpenSSL's name: "sha256", or "md5" for the checksums that the authors of
  // the older datasets publish. Throws Error if this OpenSSL does not provide it.
  explicit Digest(const std::string& algorithm);

  void add(std::span<const std::uint8_t> bytes);
  // Adds `value` as eight little-endian bytes.
  void add_integer(std::uint64_t value);
  // The digest of all that was added, in lower-case hexadecimal. Call once, last.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace hush::data
