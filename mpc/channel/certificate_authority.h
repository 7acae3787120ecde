// A small certificate authority, so that two servers, a dealer and a client can speak TLS without
// an existing one. ECDSA on P-256, X.509 v3.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "mpc/channel/tls_credentials.h"

namespace hush::mpc {

// When a certificate holds, relative to now. Starts an hour back because clocks differ.
struct Validity {
  std::chrono::seconds from = -std::chrono::hours(1);
  std::chrono::seconds to = std::chrono::hours(24 * 365);
};

class CertificateAuthority {
 public:
  // Makes a new key and a self-signed certificate.
  explicit CertificateAuthority(Validity validity = {});
  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  // A new key with a certificate for `name`, both as common name and as subject alternative name.
  TlsCredentials issue(const std::string& name, Validity validity = {}) const;

 private:
  struct Identity;
  std::unique_ptr<Identity> identity_;
};

// Makes an authority, issues credentials for every Role, and writes them to `directory`, which is
// created (mode 0700) if need be. The authority's key is never written, so nothing more can ever
// be signed with it. Throws FileError if the directory already has certificates.
void write_test_certificates(const std::filesystem::path& directory, Validity validity = {});

}  // namespace hush::mpc
