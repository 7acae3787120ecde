#include "mpc/channel/certificate_authority.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <array>

#include "core/error.h"
#include "mpc/channel/openssl_handles.h"
#include "mpc/channel/session.h"

namespace hush::mpc {
namespace {

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;

void check(bool success, const char* action) {
  if (!success) throw Error(fmt::format("OpenSSL could not {}: {}", action, openssl::take_error()));
}

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  check(key != nullptr, "make a key");
  return key;
}

template <class Write>
std::string to_pem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  check(bio && write(bio.get()) == 1, "write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(const Certificate& certificate) {
  return to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

std::string to_pem(const Key& key) {
  return to_pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// 127 random bits: positive, and not to be guessed or repeated.
void set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  check(RAND_bytes(bytes.data(), bytes.size()) == 1, "draw a serial number");
  bytes[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(bytes.data(), bytes.size(), nullptr);
  const bool set = number != nullptr &&
                   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  check(set, "set a serial number");
}

void set_name(X509_NAME* to, const std::string& common_name) {
  const auto add = [&](const char* field, const std::string& value) {
    check(X509_NAME_add_entry_by_txt(to, field, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1,
                                     0) == 1,
          "name a certificate");
  };
  add("O", "Hush test authority");
  add("CN", common_name);
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const openssl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  check(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extend a certificate");
}

// Everything but extensions and signature.
Certificate make_certificate(const Key& key, const std::string& name, Validity validity) {
  Certificate certificate(X509_new());
  check(certificate != nullptr, "make a certificate");
  X509* const raw = certificate.get();
  set_serial(raw);
  set_name(X509_get_subject_name(raw), name);
  check(X509_set_version(raw, X509_VERSION_3) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(raw), validity.from.count()) != nullptr &&
            X509_gmtime_adj(X509_getm_notAfter(raw), validity.to.count()) != nullptr &&
            X509_set_pubkey(raw, key.get()) == 1,
        "make a certificate");
  return certificate;
}

void sign(X509* certificate, X509* issuer, const Key& issuer_key) {
  check(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
            X509_sign(certificate, issuer_key.get(), EVP_sha256()) != 0,
        "sign a certificate");
}

}  // namespace

struct CertificateAuthority::Identity {
  Key key;
  Certificate certificate;
};

CertificateAuthority::CertificateAuthority(Validity validity) {
  Key key = make_key();
  Certificate certificate = make_certificate(key, "authority", validity);
  X509* const raw = certificate.get();
  add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(raw, raw, NID_subject_key_identifier, "hash");
  sign(raw, raw, key);
  identity_ = std::make_unique<Identity>(Identity{std::move(key), std::move(certificate)});
}

CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

TlsCredentials CertificateAuthority::issue(const std::string& name, Validity validity) const {
  const Key key = make_key();
  const Certificate certificate = make_certificate(key, name, validity);
  X509* const raw = certificate.get();
  X509* const issuer = identity_->certificate.get();
  add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(raw, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(raw, issuer, NID_subject_key_identifier, "hash");
  add_extension(raw, issuer, NID_authority_key_identifier, "keyid:always");
  add_extension(raw, issuer, NID_subject_alt_name, "DNS:" + name);
  sign(raw, issuer, identity_->key);
  return {to_pem(certificate), to_pem(key), to_pem(identity_->certificate)};
}

void write_test_certificates(const std::filesystem::path& directory, Validity validity) {
  const std::filesystem::path root = directory / "ca.crt";
  if (std::filesystem::exists(root))
    throw FileError(
        fmt::format("{} exists: remove the directory to make new certificates", root.string()));
  std::error_code error;
  if (std::filesystem::create_directories(directory, error))
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  if (error)
    throw FileError(fmt::format("cannot create {}: {}", directory.string(), error.message()));
  const CertificateAuthority authority(validity);
  std::string root_pem;
  for (const Role role : {Role::party0, Role::party1, Role::dealer, Role::client}) {
    const std::string name(role_name(role));
    const TlsCredentials credentials = authority.issue(name, validity);
    write_whole_file(directory / (name + ".key"), credentials.key, Secrecy::secret);
    write_whole_file(directory / (name + ".crt"), credentials.certificate, Secrecy::open);
    root_pem = credentials.authority;
  }
  // Last, because it marks the directory as complete.
  write_whole_file(root, root_pem, Secrecy::open);
}

}  // namespace hush::mpc
