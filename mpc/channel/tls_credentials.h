// Who a party is and whom it believes, for TLS: its certificate and key, and the certificate of the
// authority that all parties trust. On disk they are three PEM files in one directory:
// NAME.crt, NAME.key (mode 0600) and ca.crt, where NAME is a role_name().
#pragma once

#include <filesystem>
#include <string>

namespace hush::mpc {

struct TlsCredentials {
  std::string certificate;  // PEM
  std::string key;          // PEM, not encrypted
  std::string authority;    // PEM; the only root that is trusted
};

// Throws FileError if a file is missing, or if others than its owner may read the key.
TlsCredentials load_credentials(const std::filesystem::path& directory, const std::string& name);

// Writes a file that is there whole or not at all, also after a crash, and replaces an older one.
// A secret one is never readable by others, not for a moment. Throws FileError.
enum class Secrecy { open, secret };
void write_whole_file(const std::filesystem::path& path, const std::string& content,
                      Secrecy secrecy);

}  // namespace hush::mpc
